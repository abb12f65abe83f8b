import { BadRequestError, NotFoundError, toFile, UnprocessableEntityError } from '@letta-ai/letta-client'
import { describe, expect, it } from 'vitest'
import { agentFile, message } from '../../support/agent-file'
import { type Api, failureOf } from '../api'

/** What the SDK types as a string is the parsed file, since it comes as JSON. */
type Exported = { agents: { name: string; messages: { role: string }[] }[]; skills: unknown[] }

const upload = (file: unknown) => toFile(Buffer.from(JSON.stringify(file)), 'ada.af')

export function agentFiles(api: Api): void {
  describe('agent files', () => {
    it('are exported and imported, under another name and model, with secrets', async () => {
      const { client } = await api.member()
      const { id } = await client.agents.create({ name: 'Ada', memory_blocks: [{ label: 'human', value: 'Bob' }], secrets: { KEY: 'v' } })
      await client.agents.messages.create(id, { input: 'hello' })
      const exported = (await client.agents.exportFile(id)) as unknown as Exported
      expect(exported.agents.map(({ messages }) => messages.map(({ role }) => role))).toEqual([['system', 'user', 'assistant']])
      const copy = await client.agents.importFile({ file: await upload(exported) })
      expect(copy.agent_ids).toEqual([expect.stringMatching(/^agent-/)])
      const [copyId = ''] = copy.agent_ids
      const state = await client.agents.retrieve(copyId, { include: ['agent.blocks', 'agent.secrets'] })
      expect(state).toMatchObject({ name: 'Ada_copy', blocks: [{ label: 'human', value: 'Bob' }], secrets: [{ key: 'KEY' }] })
      const other = await client.agents.importFile({
        file: await upload(exported),
        name: 'Eve',
        model: 'openai/gpt-4o-mini',
        embedding: 'openai/text-embedding-3-small',
        secrets: JSON.stringify({ KEY: 'w' }),
        strip_messages: true,
        append_copy_suffix: false,
        override_existing_tools: false,
        'x-override-embedding-model': 'openai/text-embedding-3-small',
      })
      const [otherId = ''] = other.agent_ids
      expect(await client.agents.retrieve(otherId)).toMatchObject({ name: 'Eve', model: 'openai/gpt-4o-mini' })
      expect((await client.agents.messages.list(otherId)).items).toHaveLength(1)
      expect(((await client.agents.exportFile(id, { scrub_messages: true })) as unknown as Exported).agents[0]?.messages).toEqual([])
    })

    it('are refused by the field that is wrong', async () => {
      const { client } = await api.member()
      const wrong = await upload(agentFile({ messages: [message(0, 'sorcerer')] }))
      const error = await failureOf(client.agents.importFile({ file: wrong }), UnprocessableEntityError)
      expect(error.message).toContain('agents.0.messages.0.role')
      await failureOf(client.agents.importFile({ file: await toFile(Buffer.from('no JSON'), 'x.af') }), BadRequestError)
      const { id } = await client.agents.create({})
      await failureOf(client.agents.exportFile(id, { use_legacy_format: true }), BadRequestError)
      await failureOf(client.agents.exportFile(`agent-${crypto.randomUUID()}`), NotFoundError)
    })
  })
}
