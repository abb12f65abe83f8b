import { z } from 'zod'

const shared = {
  tool_name: z.string().min(1).describe('Name of the tool that the rule is about.'),
  prompt_template: z.string().nullable().default(null).describe('Accepted and ignored.'),
}
const args = z.record(z.string(), z.unknown()).nullable().default(null)

export const InitToolRule = z
  .object({ ...shared, type: z.literal('run_first'), args: args.describe('Arguments that override those of the model.') })
  .meta({ id: 'InitToolRule', description: 'The first call of a turn must be to one of these tools.' })

export const ToolCallNode = z
  .object({ name: z.string(), args })
  .meta({ id: 'ToolCallNode', description: 'Arguments to set for one child tool.' })

export const ChildToolRule = z
  .object({
    ...shared,
    type: z.literal('constrain_child_tools'),
    children: z.array(z.string()),
    child_arg_nodes: z.array(ToolCallNode).nullable().default(null),
  })
  .meta({ id: 'ChildToolRule', description: 'After the tool, only its children may be called.' })

export const ParentToolRule = z.object({ ...shared, type: z.literal('parent_last_tool'), children: z.array(z.string()) }).meta({
  id: 'ParentToolRule',
  description: 'The children may be called right after the tool only, and nothing else may be called there.',
})

export const ConditionalToolRule = z
  .object({
    ...shared,
    type: z.literal('conditional'),
    default_child: z.string().nullable().default(null),
    child_output_mapping: z.record(z.string(), z.string()),
    require_output_mapping: z.boolean().default(false),
  })
  .meta({ id: 'ConditionalToolRule', description: 'The output of the tool decides which tool is called next.' })

export const TerminalToolRule = z
  .object({ ...shared, type: z.literal('exit_loop') })
  .meta({ id: 'TerminalToolRule', description: 'The turn ends after a call of the tool.' })

export const ContinueToolRule = z
  .object({ ...shared, type: z.literal('continue_loop') })
  .meta({ id: 'ContinueToolRule', description: 'The turn goes on after a call of the tool.' })

export const RequiredBeforeExitToolRule = z
  .object({ ...shared, type: z.literal('required_before_exit') })
  .meta({ id: 'RequiredBeforeExitToolRule', description: 'The turn does not end before the tool was called.' })

export const MaxCountPerStepToolRule = z
  .object({ ...shared, type: z.literal('max_count_per_step'), max_count_limit: z.int().min(0) })
  .meta({ id: 'MaxCountPerStepToolRule', description: 'The tool is called at most so many times in one turn.' })

export const RequiresApprovalToolRule = z
  .object({ ...shared, type: z.literal('requires_approval') })
  .meta({ id: 'RequiresApprovalToolRule', description: 'A call of the tool waits for approval.' })

/** The nine tool rules of the Letta API. Unknown keys are dropped, not refused. */
export const ToolRule = z
  .discriminatedUnion('type', [
    InitToolRule,
    ChildToolRule,
    ParentToolRule,
    ConditionalToolRule,
    TerminalToolRule,
    ContinueToolRule,
    RequiredBeforeExitToolRule,
    MaxCountPerStepToolRule,
    RequiresApprovalToolRule,
  ])
  .meta({ id: 'ToolRule' })
export type ToolRule = z.infer<typeof ToolRule>
