import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import type { Command } from 'commander'
import { once } from 'node:events'
import { UsageError } from '#runtime/commands/commands.ts'
import { readEnv } from '#runtime/process/config.ts'
import { excerpt } from '#runtime/text/shorten.ts'
import metadata from '../../package.json' with { type: 'json' }
import { mcpSettings } from './config.ts'
import { addressOf, tools } from './mcp-tools.ts'

/** How long the edge may take to answer. */
const timeoutMs = 30_000

export function build(group: Command): void {
  group
    .description('answer programs that speak the Model Context Protocol on stdin and stdout, read-only')
    .action(serve)
}

async function serve(): Promise<void> {
  const { EDGE_URL: url, PARMA_API_KEY: key } = readEnv(mcpSettings)
  if (url === undefined) throw new UsageError('EDGE_URL is not set: give the address of the edge.')
  if (key === undefined)
    throw new UsageError(
      'PARMA_API_KEY is not set: `parma keys create --name mcp --role viewer` makes a key that is enough.',
    )
  const server = new McpServer({ name: metadata.name, version: metadata.version })
  for (const [name, tool] of Object.entries(tools)) {
    const { title, description, input } = tool
    server.registerTool(
      name,
      {
        ...{ title, description, inputSchema: input.shape },
        annotations: { readOnlyHint: true, idempotentHint: true, openWorldHint: false },
      },
      async (asked: Record<string, unknown>) => ask(new URL(addressOf(tool, asked).slice(1), asFolder(url)), key),
    )
  }
  await server.connect(new StdioServerTransport())
  // Whoever started this ends it by closing stdin.
  await once(process.stdin, 'end')
  await server.close()
}

const asFolder = (url: string) => url.replace(/\/*$/, '/')

type Result = { content: { type: 'text'; text: string }[]; isError?: true }

/** What the edge answers to a GET, as it is; what is wrong, too, because whoever asks may ask better. */
async function ask(url: URL, key: string): Promise<Result> {
  try {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${key}`, accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await answer.text()
    return { content: [{ type: 'text', text }], ...(!answer.ok && { isError: true }) }
  } catch (error) {
    const { message, cause } = error as Error
    const reason = cause instanceof Error ? cause.message : message
    return { content: [{ type: 'text', text: `The edge does not answer: ${excerpt(reason, 300)}` }], isError: true }
  }
}
