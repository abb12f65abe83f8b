/** A request that only the hosted service of the API's makers serves: its method, its path below `/v1`, and the id of the operation. */
export type HostedOperation = readonly ['get' | 'post' | 'put' | 'patch' | 'delete', string, string]

/** What this server does not do, in the plural, and the requests that ask for it. None of them is served by another resource. */
export const hosted: readonly (readonly [feature: string, operations: readonly HostedOperation[]])[] = [
  [
    'Access tokens for browsers',
    [
      ['get', '/client-side-access-tokens', 'hosted_list_access_tokens'],
      ['post', '/client-side-access-tokens', 'hosted_create_access_tokens'],
      ['delete', '/client-side-access-tokens/{token}', 'hosted_delete_access_tokens'],
    ],
  ],
  [
    'Accounts, credits and telemetry of the hosted service',
    [
      ['get', '/metadata/balance', 'hosted_balance_metadata'],
      ['post', '/metadata/feedback', 'hosted_feedback_metadata'],
      ['get', '/metadata/status', 'hosted_status_metadata'],
      ['post', '/metadata/telemetry', 'hosted_telemetry_metadata'],
      ['get', '/metadata/user', 'hosted_user_metadata'],
    ],
  ],
  ['Conversations without an agent', [['post', '/conversations/ephemeral', 'hosted_create_ephemeral_conversations']]],
  [
    'Environments',
    [
      ['get', '/environments', 'hosted_list_environments'],
      ['post', '/environments/register', 'hosted_register_environments'],
      ['post', '/environments/runtimes/{agent_id}/{conversation_id}/teleport', 'hosted_teleport_environments'],
      ['post', '/environments/{environment}/messages', 'hosted_send_message_environments'],
      ['get', '/environments/{environment}', 'hosted_retrieve_environments'],
      ['delete', '/environments/{environment}', 'hosted_delete_environments'],
    ],
  ],
  [
    'Feeds',
    [
      ['get', '/feeds', 'hosted_list_feeds'],
      ['post', '/feeds', 'hosted_create_feeds'],
      ['delete', '/feeds/{feed_id}', 'hosted_delete_feeds'],
      ['get', '/feeds/{feed_id}', 'hosted_retrieve_feeds'],
      ['get', '/feeds/{feed_id}/messages', 'hosted_list_messages_feeds'],
      ['post', '/feeds/{feed_id}/messages', 'hosted_publish_feeds'],
      ['get', '/feeds/{feed_id}/messages/{message_id}', 'hosted_get_message_feeds'],
      ['post', '/feeds/{feed_id}/subscribe', 'hosted_subscribe_feeds'],
      ['get', '/feeds/{feed_id}/subscriptions', 'hosted_list_subscriptions_feeds'],
      ['patch', '/feeds/{feed_id}/subscriptions/cron', 'hosted_set_cron_feeds'],
      ['delete', '/feeds/{feed_id}/subscriptions/{subscription_id}', 'hosted_delete_subscription_feeds'],
      ['patch', '/feeds/{feed_id}/subscriptions/{subscription_id}', 'hosted_update_subscription_feeds'],
      ['post', '/feeds/{feed_id}/subscriptions/{subscription_id}/backfill', 'hosted_backfill_feeds'],
      ['get', '/feeds/{feed_id}/subscriptions/{subscription_id}/history', 'hosted_history_feeds'],
      ['post', '/feeds/{feed_id}/subscriptions/{subscription_id}/trigger', 'hosted_trigger_feeds'],
      ['post', '/feeds/{feed_id}/unsubscribe', 'hosted_unsubscribe_feeds'],
    ],
  ],
  [
    'Files of git-backed memory',
    [
      ['get', '/agents/{agent_id}/memory-files/content', 'hosted_content_memory_files'],
      ['get', '/agents/{agent_id}/memory-files/directory', 'hosted_directory_memory_files'],
      ['get', '/agents/{agent_id}/memory-files/history', 'hosted_history_memory_files'],
    ],
  ],
  [
    'Hosted sandboxes',
    [
      ['post', '/agents/{agent_id}/sandboxes', 'hosted_ensure_agents_sandboxes'],
      ['get', '/sandboxes', 'hosted_list_sandboxes'],
      ['post', '/sandboxes', 'hosted_create_sandboxes'],
      ['get', '/sandboxes/{sandbox}/files', 'hosted_download_sandboxes'],
      ['post', '/sandboxes/{sandbox}/files', 'hosted_upload_sandboxes'],
      ['post', '/sandboxes/{sandbox}/terminate', 'hosted_terminate_sandboxes'],
    ],
  ],
  ['Keys for the storage of devices', [['get', '/device-storage-key', 'hosted_get_device_storage']]],
  ['Memory variables of templates', [['get', '/agents/{agent_id}/core-memory/variables', 'hosted_variables_agents']]],
  [
    'Model catalogs of the hosted service',
    [
      ['get', '/models/catalog', 'hosted_catalog_models'],
      ['get', '/models/embeddings', 'hosted_list_alias_models_embeddings'],
    ],
  ],
  [
    'Pipelines',
    [
      ['get', '/pipelines', 'hosted_list_pipelines'],
      ['post', '/pipelines', 'hosted_create_pipelines'],
      ['get', '/pipelines/count', 'hosted_count_pipelines'],
      ['post', '/pipelines/preview', 'hosted_preview_pipelines'],
      ['delete', '/pipelines/{pipeline_id}', 'hosted_delete_pipelines'],
      ['get', '/pipelines/{pipeline_id}', 'hosted_retrieve_pipelines'],
      ['patch', '/pipelines/{pipeline_id}', 'hosted_update_pipelines'],
      ['patch', '/pipelines/{pipeline_id}/config', 'hosted_config_pipelines'],
      ['post', '/pipelines/{pipeline_id}/sync', 'hosted_sync_pipelines'],
      ['get', '/pipelines/{pipeline_id}/sync/history', 'hosted_sync_history_pipelines'],
    ],
  ],
  [
    'Projects',
    [
      ['get', '/projects', 'hosted_list_projects'],
      ['post', '/projects', 'hosted_create_projects'],
      ['delete', '/projects/{project}', 'hosted_delete_projects'],
    ],
  ],
  [
    'Reflections of agents',
    [
      ['patch', '/agents/{agent_id}/conversations/{conversation_id}/reflection', 'hosted_progress_agents_reflection'],
      ['get', '/agents/{agent_id}/reflection', 'hosted_retrieve_agents_reflection'],
      ['patch', '/agents/{agent_id}/reflection', 'hosted_update_agents_reflection'],
    ],
  ],
  [
    'Repositories of memory',
    [
      ['get', '/agents/{agent_id}/repositories', 'hosted_list_agents_repositories'],
      ['post', '/agents/{agent_id}/repositories', 'hosted_attach_agents_repositories'],
      ['delete', '/agents/{agent_id}/repositories/{repository_id}', 'hosted_detach_agents_repositories'],
      ['get', '/repositories', 'hosted_list_repositories'],
      ['post', '/repositories', 'hosted_create_repositories'],
      ['get', '/repositories/{repository_id}/versions', 'hosted_versions_repositories'],
    ],
  ],
  [
    'Schedules of messages',
    [
      ['get', '/agents/{agent_id}/schedule', 'hosted_list_agents_schedule'],
      ['post', '/agents/{agent_id}/schedule', 'hosted_create_agents_schedule'],
      ['delete', '/agents/{agent_id}/schedule/{schedule}', 'hosted_delete_agents_schedule'],
      ['get', '/agents/{agent_id}/schedule/{schedule}', 'hosted_retrieve_agents_schedule'],
      ['get', '/agents/{agent_id}/schedule/{schedule}/history', 'hosted_history_agents_schedule'],
    ],
  ],
  ['Searches of conversations', [['post', '/conversations/search', 'hosted_search_conversations']]],
  [
    'Searches of deployed agents',
    [
      ['post', '/agents/search', 'hosted_search_deployed_agents'],
      ['get', '/agents/search/count', 'hosted_count_deployed_agents'],
    ],
  ],
  ['Shared agents', [['get', '/shared-agents', 'hosted_list_shared_agents']]],
  [
    'Summaries of messages that are not stored here',
    [['post', '/conversations/{conversation_id}/summarize', 'hosted_summarize_conversations']],
  ],
  [
    'Templates',
    [
      ['post', '/legacy-templates/{template}/migrates', 'hosted_legacy_migrate_templates'],
      ['get', '/templates', 'hosted_list_templates'],
      ['post', '/templates', 'hosted_create_templates'],
      ['post', '/templates/{template}', 'hosted_create_in_project_templates'],
      ['get', '/templates/{template}/{name}/versions', 'hosted_versions_templates'],
      ['delete', '/templates/{template}/{name}', 'hosted_delete_in_project_templates'],
      ['post', '/templates/{template}/{name}', 'hosted_save_in_project_templates'],
      ['put', '/templates/{template}/{name}/agent-file', 'hosted_set_from_agent_file_templates'],
      ['post', '/templates/{template}/{name}/deployments/{deployment_id}/migrate', 'hosted_migrate_deployment_templates'],
      ['patch', '/templates/{template}/{name}/description', 'hosted_describe_templates'],
      ['patch', '/templates/{template}/{name}/name', 'hosted_rename_templates'],
      ['post', '/templates/{template}/{name}/rollback', 'hosted_rollback_in_project_templates'],
      ['post', '/templates/{template}/{name}/agents', 'hosted_create_agents_in_project_templates'],
      ['post', '/templates/{template}/{name}/fork', 'hosted_fork_templates'],
      ['get', '/templates/{template}/{name}/snapshot', 'hosted_snapshot_templates'],
      ['put', '/templates/{template}/{name}/snapshot', 'hosted_set_snapshot_templates'],
      ['delete', '/templates/{template}', 'hosted_delete_templates'],
      ['patch', '/templates/{template}', 'hosted_update_templates'],
      ['post', '/templates/{template}/rollback', 'hosted_rollback_templates'],
      ['post', '/templates/{template}/save', 'hosted_save_templates'],
      ['post', '/templates/{template}/agents', 'hosted_create_templates_agents'],
    ],
  ],
  ['Usage of ChatGPT plans', [['get', '/providers/chatgpt-usage', 'hosted_chatgpt_usage_providers']]],
]
