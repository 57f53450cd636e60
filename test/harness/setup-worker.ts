// Tests use kafkajs without our services too, and its timers make Node warn until this file has mended them.
import '../../services/runtime/kafka/client.ts'
