// avsc ships no types for this file.
declare module 'avsc/lib/utils.js' {
  export class Tap {
    constructor(buffer: Buffer, position: number)
    readonly buf: Buffer
    pos: number
    readLong(): number
    readInt(): number
    skipLong(): void
    skipInt(): void
    readBoolean(): boolean
    skipBoolean(): void
    readFloat(): number
    readDouble(): number
    readFixed(length: number): Buffer
    writeString(text: string): void
  }
}
