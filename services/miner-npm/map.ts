/**
 * An entry of a normalization map (contract section 5). `ItemKey` names the member that identifies the items of a list.
 */
export type Entry = {
  SourceField: string
  DataType: string
  MeasurementName: string
  ItemKey?: string
  NestedMappings?: Entry[]
  source_measurement_id?: number
}

const entry = (SourceField: string, DataType: string, MeasurementName: string): Entry => ({
  SourceField,
  DataType,
  MeasurementName,
})

/** The normalization map of raw_data. Lists of texts have the type text, as in other modules. */
export const mappings: Entry[] = [
  entry('url', 'link', 'package page'),
  entry('name', 'text', 'package name'),
  entry('description', 'paragraph', 'package description'),
  entry('license', 'text', 'license'),
  entry('homepage', 'link', 'homepage'),
  entry('keywords', 'text', 'keywords'),
  entry('maintainers', 'text', 'maintainers'),
  entry('latest_version', 'text', 'latest version'),
  entry('version_count', 'int', 'version count'),
  entry('dependencies_count', 'int', 'dependencies count'),
  entry('unpacked_size', 'int', 'unpacked size'),
  entry('last_published', 'date', 'last published'),
  entry('deprecated', 'bool', 'deprecated'),
  {
    ...entry('releases', 'nested', 'releases'),
    ItemKey: 'version',
    NestedMappings: [
      entry('version', 'text', 'release version'),
      entry('published_at', 'date', 'release published at'),
    ],
  },
]
