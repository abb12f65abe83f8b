import type { App } from '../http/router'
import { agentFileRoutes } from './agent-files/routes'
import { agentRoutes, archiveAgentRoutes, blockAgentRoutes, identityAgentRoutes } from './agents/routes'
import { adminApiKeyRoutes, apiKeyRoutes } from './api-keys/routes'
import { agentArchiveRoutes, archiveRoutes } from './archives/routes'
import { batchRoutes } from './batches/routes'
import { agentBlockRoutes, blockRoutes, blockVersionRoutes, groupBlockRoutes, identityBlockRoutes } from './blocks/routes'
import { agentCaptureRoutes } from './capture/routes'
import { chatRoutes, voiceRoutes } from './chat/routes'
import { agentCompactionRoutes, conversationCompactionRoutes } from './compaction/routes'
import { conversationRoutes } from './conversations/routes'
import { deliveryRoutes, runDeliveryRoutes } from './deliveries/routes'
import { embeddingRoutes } from './embeddings/routes'
import { fileAgentRoutes, folderFileRoutes, sourceFileRoutes } from './files/routes'
import {
  agentFolderRoutes,
  agentSourceRoutes,
  folderRelationRoutes,
  folderRoutes,
  sourceRelationRoutes,
  sourceRoutes,
} from './folders/routes'
import { agentGenerationRoutes, conversationGenerationRoutes } from './generation/routes'
import { agentGroupRoutes, groupRoutes, templateGroupRoutes } from './groups/routes'
import { healthRoutes } from './health/routes'
import { hostedRoutes } from './hosted/routes'
import { agentIdentityRoutes, blockIdentityRoutes, identityRoutes } from './identities/routes'
import { archiveIndexRoutes, folderIndexRoutes, messageIndexRoutes } from './indexes/routes'
import { internalAgentRoutes, internalBlockRoutes, internalRunRoutes, internalSearchRoutes } from './internal/routes'
import { internalTemplateRoutes } from './internal/routes-templates'
import { jobRoutes } from './jobs/routes'
import { mcpServerRoutes, namedMcpRoutes } from './mcp-servers/routes'
import { agentMessageEditRoutes, agentMessageSearchRoutes, messageRoutes, stepMessageRoutes } from './messages/routes'
import { agentMessageRoutes } from './messages/routes-agent'
import { conversationMessageRoutes, runMessageRoutes } from './messages/routes-conversation'
import { groupMessageRoutes } from './messages/routes-group'
import { modelRoutes } from './models/routes'
import { adminOrganizationRoutes } from './organizations/routes'
import { agentPassageRoutes, archivePassageRoutes, passageRoutes } from './passages/routes'
import { providerRoutes } from './providers/routes'
import { runRoutes } from './runs/routes'
import { sandboxConfigRoutes } from './sandbox-configs/routes'
import { runStepRoutes, stepRoutes } from './steps/routes'
import { tagRoutes } from './tags/routes'
import { agentToolRoutes, toolRoutes } from './tools/routes'
import { agentToolRunRoutes, toolSourceRoutes } from './tools/routes-run'
import { runTraceRoutes, stepTraceRoutes, telemetryRoutes } from './traces/routes'
import { adminUserRoutes } from './users/routes'

type Mounted = [path: string, routes: App]

/** Every REST resource by the path it is mounted at. Adding a resource is one folder beside this file and one line here. */
export const resources: Mounted[] = [
  ['/v1', hostedRoutes],
  ['/v1', healthRoutes],
  ['/v1/_internal_agents', internalAgentRoutes],
  ['/v1/_internal_blocks', internalBlockRoutes],
  ['/v1/_internal_runs', internalRunRoutes],
  ['/v1/_internal_search', internalSearchRoutes],
  ['/v1/_internal_templates', internalTemplateRoutes],
  ['/v1/_internal_templates/groups', templateGroupRoutes],
  ['/v1/agents', agentRoutes],
  ['/v1/agents', agentArchiveRoutes],
  ['/v1/agents', agentBlockRoutes],
  ['/v1/agents', agentCaptureRoutes],
  ['/v1/agents', agentCompactionRoutes],
  ['/v1/agents', agentGenerationRoutes],
  ['/v1/agents', agentMessageSearchRoutes],
  ['/v1/agents', agentFileRoutes],
  ['/v1/agents', agentFolderRoutes],
  ['/v1/agents', fileAgentRoutes],
  ['/v1/agents', agentGroupRoutes],
  ['/v1/agents', agentIdentityRoutes],
  ['/v1/agents', agentMessageRoutes],
  ['/v1/agents', agentMessageEditRoutes],
  ['/v1/agents', agentPassageRoutes],
  ['/v1/agents', agentSourceRoutes],
  ['/v1/agents', agentToolRoutes],
  ['/v1/agents', agentToolRunRoutes],
  ['/v1/api-keys', apiKeyRoutes],
  ['/v1/archives', archiveRoutes],
  ['/v1/archives', archiveAgentRoutes],
  ['/v1/archives', archiveIndexRoutes],
  ['/v1/archives', archivePassageRoutes],
  ['/v1/blocks', blockRoutes],
  ['/v1/blocks', blockAgentRoutes],
  ['/v1/blocks', blockIdentityRoutes],
  ['/v1/blocks', blockVersionRoutes],
  ['/v1/chat', chatRoutes],
  ['/v1/conversations', conversationRoutes],
  ['/v1/conversations', conversationCompactionRoutes],
  ['/v1/conversations', conversationGenerationRoutes],
  ['/v1/conversations', conversationMessageRoutes],
  ['/v1/deliveries', deliveryRoutes],
  ['/v1/embeddings', embeddingRoutes],
  ['/v1/folders', folderRoutes],
  ['/v1/folders', folderFileRoutes],
  ['/v1/folders', folderIndexRoutes],
  ['/v1/folders', folderRelationRoutes],
  ['/v1/groups', groupRoutes],
  ['/v1/groups', groupBlockRoutes],
  ['/v1/groups', groupMessageRoutes],
  ['/v1/identities', identityRoutes],
  ['/v1/identities', identityAgentRoutes],
  ['/v1/identities', identityBlockRoutes],
  ['/v1/jobs', jobRoutes],
  ['/v1/mcp-servers', mcpServerRoutes],
  // Before `/v1/messages`, in which they look like the id of a message.
  ['/v1/messages/batches', batchRoutes],
  ['/v1/messages', messageIndexRoutes],
  ['/v1/messages', messageRoutes],
  ['/v1/models', modelRoutes],
  ['/v1/passages', passageRoutes],
  ['/v1/providers', providerRoutes],
  ['/v1/runs', runRoutes],
  ['/v1/runs', runDeliveryRoutes],
  ['/v1/runs', runMessageRoutes],
  ['/v1/runs', runStepRoutes],
  ['/v1/runs', runTraceRoutes],
  ['/v1/sandbox-config', sandboxConfigRoutes],
  ['/v1/sources', sourceRoutes],
  ['/v1/sources', sourceFileRoutes],
  ['/v1/sources', sourceRelationRoutes],
  ['/v1/steps', stepRoutes],
  ['/v1/steps', stepMessageRoutes],
  ['/v1/steps', stepTraceRoutes],
  ['/v1/tags', tagRoutes],
  ['/v1/telemetry', telemetryRoutes],
  ['/v1/tools', toolRoutes],
  ['/v1/tools', toolSourceRoutes],
  ['/v1/tools/mcp', namedMcpRoutes],
  ['/v1/voice-beta', voiceRoutes],
]

/** Resources of the operator, behind `ADMIN_KEY`. */
export const adminResources: Mounted[] = [
  ['/v1/admin/api-keys', adminApiKeyRoutes],
  ['/v1/admin/orgs', adminOrganizationRoutes],
  ['/v1/admin/users', adminUserRoutes],
]
