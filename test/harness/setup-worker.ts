import { watchWarnings } from '../../services/runtime/process/node-warnings.ts'

// Tests use kafkajs too.
watchWarnings((warning) => process.stderr.write(`${warning.stack}\n`))
