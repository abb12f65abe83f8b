/** A file that cannot be read. The message says what is wrong with it and what to do; it is told to who asks for the file. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile'
}
