import { z } from 'zod'
import { blankAsAbsent, pageQuery } from '../../lib/page'
import { queryFlag, queryText } from '../../lib/query'
import { processingStates } from './table'

const text = () => z.string().nullable()

/** A file of a folder. */
export const FileMetadata = z
  .object({
    id: z.string(),
    source_id: z.string().describe('Deprecated: see `folder_id`.'),
    folder_id: z.string(),
    file_name: text().describe('Its name in the folder; the answer to an upload puts the name of the folder and a slash before it.'),
    original_file_name: text().describe('The name that it was uploaded under.'),
    file_path: text(),
    file_type: text().describe('MIME type.'),
    file_size: z.int().nullable().describe('Bytes.'),
    file_creation_date: text(),
    file_last_modified_date: text(),
    processing_status: z.enum(processingStates),
    error_message: text().describe('Why the file could not be processed, or, while it is processed, what failed the last time.'),
    total_chunks: z.int().nullable().describe('Passages that the file is cut into.'),
    chunks_embedded: z.int().nullable().describe('Passages that are done by now.'),
    content: text().describe('The text of the file, when it was asked for.'),
    organization_id: z.string(),
    created_at: z.string(),
    updated_at: z.string(),
  })
  .meta({ id: 'FileMetadata' })
export type FileMetadata = z.output<typeof FileMetadata>

export const duplicateHandlings = ['skip', 'error', 'suffix', 'replace'] as const
export type DuplicateHandling = (typeof duplicateHandlings)[number]

export const UploadQuery = z.object({
  duplicate_handling: blankAsAbsent(z.enum(duplicateHandlings).default('suffix')).describe(
    'When the folder has a file of that name: `skip` answers with that file, `error` refuses with 400, `suffix` stores this one as `name_(1)`, `replace` deletes the other.',
  ),
  name: queryText('Name to store the file under, in place of its own.'),
})
export type UploadQuery = z.output<typeof UploadQuery>

/** The form of an upload, for the document only: it is read while it arrives, and not as a whole. */
export const uploadForm = {
  required: true,
  description: 'The file, at most 100 MB.',
  content: {
    'multipart/form-data': {
      schema: {
        type: 'object' as const,
        required: ['file'],
        properties: {
          file: { type: 'string' as const, format: 'binary', description: 'The file. Its type is told by the ending of its name.' },
        },
      },
    },
  },
}

const include_content = queryFlag(
  'Send the text of the file too. A page of files with their texts ends after 16 MB, and leaves out texts that are longer by themselves.',
)
export const FileQuery = pageQuery({ limit: 1000 }).extend({ include_content })
export type FileQuery = z.output<typeof FileQuery>
export const SourceFileQuery = FileQuery.extend({ check_status_updates: queryFlag('Accepted: the state of a file is always current.') })
export const OneFileQuery = z.object({ include_content: queryFlag('Send the text of the file too.') })

/** A file as one agent has it. */
export const AgentFileAttachment = z
  .object({
    id: z.string(),
    file_id: z.string(),
    file_name: z.string().describe('Name of the folder, a slash, and the name of the file.'),
    folder_id: z.string(),
    folder_name: z.string(),
    is_open: z.boolean(),
    last_accessed_at: text(),
    visible_content: text().describe('What the agent sees of the file while it is open.'),
    start_line: z.int().nullable(),
    end_line: z.int().nullable(),
  })
  .meta({ id: 'AgentFileAttachment' })
export type AgentFileAttachment = z.output<typeof AgentFileAttachment>

export const PaginatedAgentFiles = z
  .object({ files: z.array(AgentFileAttachment), next_cursor: text(), has_more: z.boolean() })
  .meta({ id: 'PaginatedAgentFiles' })
export type PaginatedAgentFiles = z.output<typeof PaginatedAgentFiles>

export const AgentFileQuery = pageQuery({ limit: 100 }).extend({
  cursor: queryText('Deprecated: the same as `after`.'),
  is_open: queryFlag('`true`: open files only; `false`: closed ones only.'),
})
export type AgentFileQuery = z.output<typeof AgentFileQuery>

/** A file of an agent in the form of a memory block. */
export const FileBlock = z
  .object({
    id: z.string(),
    label: z.string(),
    value: z.string(),
    limit: z.int(),
    description: text(),
    read_only: z.boolean(),
    metadata: z.record(z.string(), z.unknown()),
    tags: z.array(z.string()),
    hidden: z.boolean().nullable(),
    is_template: z.boolean(),
    template_name: text(),
    template_id: text(),
    base_template_id: text(),
    deployment_id: text(),
    entity_id: text(),
    project_id: text(),
    preserve_on_migration: z.boolean(),
    created_by_id: text(),
    last_updated_by_id: text(),
    file_id: z.string(),
    source_id: z.string(),
    is_open: z.boolean(),
    last_accessed_at: text(),
  })
  .meta({ id: 'FileBlock' })
export type FileBlock = z.output<typeof FileBlock>
