// What tools may ask about the files of an agent. Lines count from 1 wherever they are named; only `offset` counts them from 0.

interface OfAgent {
  organization_id: string
  agent_id: string
}

/** Lines of a file, both ends among them. */
export interface Lines {
  first: number
  last: number
}

/** What an agent wants to see of a file: `length` lines after the first `offset`; null is the start, and up to the end. */
export interface FileRequest {
  file_name: string
  offset: number | null
  length: number | null
}

export interface FileOpening extends OfAgent {
  requests: FileRequest[]
  close_others: boolean
  /** Files that the agent may have open, and UTF-16 units that it sees of each. */
  limits: { max_open: number; view: number }
}

/** A file as an agent has it open now. `seen` is null when the view has no room for a line, or the file has none. */
export interface OpenedFile {
  file_name: string
  /** How many the file has. */
  lines: number
  seen: Lines | null
  /** Whether fewer lines are seen than were asked for, because the view is full. */
  is_cut: boolean
  /** What was seen of it before; null when it was closed. */
  before: Lines | null
}

export interface OpenedFiles {
  opened: OpenedFile[]
  /** Names of files that were closed: all others, or those used least recently. */
  closed: string[]
  /** Files that are open now. */
  open: number
}

export interface FileGrep extends OfAgent {
  pattern: string
  /** A glob or regular expression of the names to search in; null is all files. */
  include: string | null
  /** Lines shown before and after each hit. */
  context: number
  /** Hits to leave out, and to show after them. */
  skip: number
  show: number
}

/** A line that matches; long lines are cut. */
export interface LineHit {
  file_name: string
  line: number
  text: string
  before: string[]
  after: string[]
}

export interface GrepResult {
  /** Lines found, shown or not. */
  found: number
  hits: LineHit[]
  files: { file_name: string; hits: number }[]
  /** Files whose names were chosen, and those of them that were searched. */
  chosen: number
  searched: number
  /** Why the search ended before the last file: so many hits, so much text, or so long a time. */
  stopped: 'hits' | 'size' | 'time' | null
  /** Names of files that were searched up to a limit only, and of those that have no text yet. */
  partly: string[]
  unread: string[]
  /** Whether lines were so long that they were searched in pieces. */
  cut_lines: boolean
}

export interface FilePassageQuery extends OfAgent {
  query: string
  limit: number
}

export interface FilePassage {
  file_name: string
  /** Where the passage stands; null when that is not known. */
  lines: Lines | null
  text: string
}

/** Every method throws an AppError for what the agent asked wrongly. */
export interface FileServices {
  /** Opens files, closing what is over the limit, in one transaction. A repeat has the same effect. */
  openFiles(opening: FileOpening): Promise<OpenedFiles>
  grepFiles(grep: FileGrep): Promise<GrepResult>
  /** Passages of the agent's files by words and by meaning, the best first. */
  searchFiles(query: FilePassageQuery): Promise<FilePassage[]>
}
