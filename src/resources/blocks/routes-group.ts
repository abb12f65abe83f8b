import { z } from '@hono/zod-openapi'
import { idOf, json, operation } from '../../http/crud'
import { router } from '../../http/router'
import { groupService } from '../groups/service'

const params = z.object({ group_id: idOf('group'), block_id: idOf('block') })

/** `/v1/groups/{group_id}/blocks` */
export const groupBlockRoutes = router()

for (const verb of ['attach', 'detach'] as const) {
  groupBlockRoutes.openapi(
    operation(
      {
        tags: ['groups', 'blocks'],
        operationId: `${verb}_block_${verb === 'attach' ? 'to' : 'from'}_group`,
        method: 'patch',
        path: `/{group_id}/blocks/${verb}/{block_id}`,
        request: { params },
      },
      { 200: json(z.null(), verb === 'attach' ? 'Every agent of the group has the block' : 'No agent of the group has the block') },
    ),
    async (c) => {
      const { group_id, block_id } = c.req.valid('param')
      await groupService[`${verb}Block`](c.get('ctx'), group_id, block_id)
      return c.json(null, 200)
    },
  )
}
