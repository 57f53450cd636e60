import type { Mapping } from './setup.ts'

/** A map and payloads like those of the GitHub module, small. */
export const github: Mapping[] = [
  { SourceField: 'name', DataType: 'text', MeasurementName: 'company name' },
  { SourceField: 'url', DataType: 'link' },
  {
    SourceField: 'repos',
    DataType: 'nested',
    NestedMappings: [
      { SourceField: 'name', DataType: 'text', MeasurementName: 'repository name' },
      { SourceField: 'description', DataType: 'paragraph' },
      { SourceField: 'pushed_at', DataType: 'date' },
      { SourceField: 'html_url', DataType: 'link' },
      { SourceField: 'stars', DataType: 'INT' },
      { SourceField: 'archived', DataType: 'bool' },
      { SourceField: 'topics', DataType: 'text' },
    ],
  },
  { SourceField: 'size', DataType: 'int' },
]
export const repo = (name: string, stars: number) => ({
  ...{ name, stars, html_url: `https://g/${name}`, description: '', pushed_at: '2024-02-02 07:58:40+02:00' },
  ...{ archived: false, topics: ['b', 'a'] },
})
/** A payload of 17 leaves. */
export const org = { name: 'Org', url: 'https://g', repos: [repo('x', 1), repo('y', 2)], size: 3_000_000_000 }
