import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  type Admin,
  type AdminConfig,
  type Consumer,
  type ConsumerConfig,
  type ISocketFactory,
  Kafka,
  type KafkaConfig,
  type Producer,
  type ProducerConfig,
} from 'kafkajs'

/** What the request of a client says that a broker has not answered in time. */
type Timeout = { payload: { broker: string } }

/**
 * kafkajs with one difference: a request that is not answered in time ends the connections to its broker, so that the next
 * one goes over a new connection. kafkajs itself goes on to use those whose other end has vanished without a word, for as
 * long as the system's TCP does (a quarter of an hour).
 */
export class PromptKafka extends Kafka {
  readonly #end: (timeout: Timeout) => void

  constructor(config: Omit<KafkaConfig, 'socketFactory'>) {
    const sockets = new Set<{ socket: Socket; broker: string }>()
    const socketFactory: ISocketFactory = (to) => {
      const opened = { socket: openSocket(to), broker: `${to.host}:${to.port}` }
      sockets.add(opened)
      opened.socket.once('close', () => sockets.delete(opened))
      return opened.socket
    }
    super({ ...config, socketFactory })
    this.#end = ({ payload: { broker } }) => {
      for (const one of sockets) if (one.broker === broker) one.socket.destroy(new Error('a request was not answered'))
    }
  }

  override consumer(config: ConsumerConfig): Consumer {
    const consumer = super.consumer(config)
    consumer.on('consumer.network.request_timeout', this.#end)
    return consumer
  }

  override producer(config?: ProducerConfig): Producer {
    const producer = super.producer(config)
    producer.on('producer.network.request_timeout', this.#end)
    return producer
  }

  override admin(config?: AdminConfig): Admin {
    const admin = super.admin(config)
    admin.on('admin.network.request_timeout', this.#end)
    return admin
  }
}

/** As kafkajs does it. */
function openSocket({ host, port, ssl, onConnect }: Parameters<ISocketFactory>[0]): Socket {
  const named = isIP(host) === 0 ? { servername: host } : {}
  const socket = ssl ? connectTls({ host, port, ...named, ...ssl }, onConnect) : connect({ host, port }, onConnect)
  return socket.setKeepAlive(true, 60_000)
}
