CREATE TABLE `agent_environment_variables` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`key` text NOT NULL,
	`value_enc` text NOT NULL,
	`description` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_key_agent` ON `agent_environment_variables` (`key`,`agent_id`);--> statement-breakpoint
CREATE INDEX `idx_agent_environment_variables_agent_id` ON `agent_environment_variables` (`agent_id`);--> statement-breakpoint
CREATE TABLE `agents` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`project_id` text,
	`entity_id` text,
	`template_id` text,
	`base_template_id` text,
	`deployment_id` text,
	`agent_type` text DEFAULT 'letta_v1_agent' NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`system` text NOT NULL,
	`message_ids` text DEFAULT '[]' NOT NULL,
	`response_format` text,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`model` text NOT NULL,
	`embedding` text,
	`model_settings` text,
	`llm_config` text NOT NULL,
	`embedding_config` text DEFAULT '{}' NOT NULL,
	`compaction_settings` text,
	`tool_rules` text DEFAULT '[]' NOT NULL,
	`message_buffer_autoclear` integer DEFAULT false NOT NULL,
	`enable_sleeptime` integer,
	`last_run_completion` integer,
	`last_run_duration_ms` integer,
	`last_stop_reason` text,
	`timezone` text DEFAULT 'UTC' NOT NULL,
	`max_files_open` integer,
	`per_file_view_window_char_limit` integer,
	`hidden` integer,
	`_vector_db_namespace` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "agents_message_ids_json" CHECK(json_valid("agents"."message_ids")),
	CONSTRAINT "agents_response_format_json" CHECK(json_valid("agents"."response_format")),
	CONSTRAINT "agents_metadata__json" CHECK(json_valid("agents"."metadata_")),
	CONSTRAINT "agents_model_settings_json" CHECK(json_valid("agents"."model_settings")),
	CONSTRAINT "agents_llm_config_json" CHECK(json_valid("agents"."llm_config")),
	CONSTRAINT "agents_embedding_config_json" CHECK(json_valid("agents"."embedding_config")),
	CONSTRAINT "agents_compaction_settings_json" CHECK(json_valid("agents"."compaction_settings")),
	CONSTRAINT "agents_tool_rules_json" CHECK(json_valid("agents"."tool_rules"))
);
--> statement-breakpoint
CREATE INDEX `ix_agents_created_at` ON `agents` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_agents_organization_id_deployment_id` ON `agents` (`organization_id`,`deployment_id`);--> statement-breakpoint
CREATE INDEX `ix_agents_project_id` ON `agents` (`project_id`);--> statement-breakpoint
CREATE INDEX `ix_agents_organization_created` ON `agents` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_agents_organization_updated` ON `agents` (`organization_id`,`updated_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_agents_organization_last_run` ON `agents` (`organization_id`,`last_run_completion`,`id`);--> statement-breakpoint
CREATE INDEX `ix_agents_organization_name` ON `agents` (`organization_id`,`name`);--> statement-breakpoint
CREATE TABLE `agents_tags` (
	`agent_id` text NOT NULL,
	`tag` text NOT NULL,
	`organization_id` text NOT NULL,
	PRIMARY KEY(`agent_id`, `tag`),
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `ix_agents_tags_tag_agent_id` ON `agents_tags` (`tag`,`agent_id`);--> statement-breakpoint
CREATE INDEX `ix_agents_tags_organization_tag` ON `agents_tags` (`organization_id`,`tag`);--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`prefix` text NOT NULL,
	`key_hash` text NOT NULL,
	`scopes` text DEFAULT '["read","write"]' NOT NULL,
	`expires_at` integer,
	`last_used_at` integer,
	`revoked_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "api_keys_scopes_json" CHECK(json_valid("api_keys"."scopes"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_api_keys_key_hash` ON `api_keys` (`key_hash`);--> statement-breakpoint
CREATE INDEX `ix_api_keys_organization_created` ON `api_keys` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_api_keys_user_id` ON `api_keys` (`user_id`);--> statement-breakpoint
CREATE TABLE `block_history` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`block_id` text NOT NULL,
	`sequence_number` integer NOT NULL,
	`label` text NOT NULL,
	`description` text,
	`value` text NOT NULL,
	`limit` integer NOT NULL,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`read_only` integer DEFAULT false NOT NULL,
	`cause` text NOT NULL,
	`state_of` integer NOT NULL,
	`prev_state` integer,
	`actor_type` text,
	`actor_id` text,
	`run_id` text,
	`operation_key` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`block_id`) REFERENCES `block`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "block_history_metadata__json" CHECK(json_valid("block_history"."metadata_"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `ix_block_history_block_id_sequence` ON `block_history` (`block_id`,`sequence_number`);--> statement-breakpoint
CREATE UNIQUE INDEX `uix_block_history_operation` ON `block_history` (`block_id`,`operation_key`) WHERE operation_key is not null;--> statement-breakpoint
CREATE TABLE `block` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`project_id` text,
	`entity_id` text,
	`template_id` text,
	`base_template_id` text,
	`deployment_id` text,
	`template_name` text,
	`description` text,
	`label` text NOT NULL,
	`is_template` integer DEFAULT false NOT NULL,
	`preserve_on_migration` integer DEFAULT false NOT NULL,
	`value` text DEFAULT '' NOT NULL,
	`limit` integer DEFAULT 100000 NOT NULL,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`read_only` integer DEFAULT false NOT NULL,
	`hidden` integer,
	`current_history_entry_id` text,
	`version` integer DEFAULT 1 NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`current_history_entry_id`) REFERENCES `block_history`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "block_value_within_limit" CHECK(length("block"."value") <= "block"."limit"),
	CONSTRAINT "block_version_positive" CHECK("block"."version" >= 1),
	CONSTRAINT "block_metadata__json" CHECK(json_valid("block"."metadata_"))
);
--> statement-breakpoint
CREATE INDEX `created_at_label_idx` ON `block` (`created_at`,`label`);--> statement-breakpoint
CREATE INDEX `ix_block_is_template` ON `block` (`is_template`);--> statement-breakpoint
CREATE INDEX `ix_block_hidden` ON `block` (`hidden`);--> statement-breakpoint
CREATE INDEX `ix_block_current_history_entry_id` ON `block` (`current_history_entry_id`);--> statement-breakpoint
CREATE INDEX `ix_block_org_project_template` ON `block` (`organization_id`,`project_id`,`is_template`);--> statement-breakpoint
CREATE INDEX `ix_block_organization_id_deployment_id` ON `block` (`organization_id`,`deployment_id`);--> statement-breakpoint
CREATE INDEX `ix_block_organization_created` ON `block` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_block_organization_label` ON `block` (`organization_id`,`label`,`created_at`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `unique_block_id_label` ON `block` (`id`,`label`);--> statement-breakpoint
CREATE TABLE `blocks_agents` (
	`agent_id` text NOT NULL,
	`block_id` text NOT NULL,
	`block_label` text NOT NULL,
	`position` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`agent_id`, `block_id`, `block_label`),
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`block_id`,`block_label`) REFERENCES `block`(`id`,`label`) ON UPDATE cascade ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_blocks_agents_block_id` ON `blocks_agents` (`block_id`,`block_label`);--> statement-breakpoint
CREATE INDEX `ix_blocks_agents_block_label_agent_id` ON `blocks_agents` (`block_label`,`agent_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `unique_label_per_agent` ON `blocks_agents` (`agent_id`,`block_label`);--> statement-breakpoint
CREATE UNIQUE INDEX `unique_agent_block` ON `blocks_agents` (`agent_id`,`block_id`);--> statement-breakpoint
CREATE TABLE `blocks_conversations` (
	`conversation_id` text NOT NULL,
	`block_id` text NOT NULL,
	`block_label` text NOT NULL,
	`source_block_id` text,
	`source_version` integer,
	PRIMARY KEY(`conversation_id`, `block_id`, `block_label`),
	FOREIGN KEY (`conversation_id`) REFERENCES `conversations`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`block_id`,`block_label`) REFERENCES `block`(`id`,`label`) ON UPDATE cascade ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_blocks_conversations_block_id` ON `blocks_conversations` (`block_id`,`block_label`);--> statement-breakpoint
CREATE UNIQUE INDEX `unique_label_per_conversation` ON `blocks_conversations` (`conversation_id`,`block_label`);--> statement-breakpoint
CREATE UNIQUE INDEX `unique_conversation_block` ON `blocks_conversations` (`conversation_id`,`block_id`);--> statement-breakpoint
CREATE TABLE `blocks_tags` (
	`block_id` text NOT NULL,
	`tag` text NOT NULL,
	`organization_id` text NOT NULL,
	PRIMARY KEY(`block_id`, `tag`),
	FOREIGN KEY (`block_id`) REFERENCES `block`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `ix_blocks_tags_tag_block_id` ON `blocks_tags` (`tag`,`block_id`);--> statement-breakpoint
CREATE INDEX `ix_blocks_tags_organization_tag` ON `blocks_tags` (`organization_id`,`tag`);--> statement-breakpoint
CREATE TABLE `conversation_messages` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`conversation_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`message_id` text NOT NULL,
	`position` integer NOT NULL,
	`in_context` integer DEFAULT true NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`conversation_id`) REFERENCES `conversations`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`message_id`) REFERENCES `messages`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_conv_msg_conversation_position` ON `conversation_messages` (`conversation_id`,`position`);--> statement-breakpoint
CREATE INDEX `ix_conv_msg_agent_conversation` ON `conversation_messages` (`agent_id`,`conversation_id`);--> statement-breakpoint
CREATE INDEX `ix_conv_msg_message_id` ON `conversation_messages` (`message_id`);--> statement-breakpoint
CREATE INDEX `ix_conv_msg_in_context` ON `conversation_messages` (`conversation_id`,`position`) WHERE in_context = 1;--> statement-breakpoint
CREATE UNIQUE INDEX `unique_conversation_message` ON `conversation_messages` (`conversation_id`,`message_id`);--> statement-breakpoint
CREATE TABLE `conversations` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`summary` text,
	`description` text,
	`model` text,
	`model_settings` text,
	`context_window_limit` integer,
	`last_message_at` integer,
	`last_run_completion` integer,
	`hidden` integer,
	`archived_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "conversations_model_settings_json" CHECK(json_valid("conversations"."model_settings"))
);
--> statement-breakpoint
CREATE INDEX `ix_conversations_agent_id` ON `conversations` (`agent_id`);--> statement-breakpoint
CREATE INDEX `ix_conversations_org_agent` ON `conversations` (`organization_id`,`agent_id`);--> statement-breakpoint
CREATE INDEX `ix_conversations_organization_created` ON `conversations` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_conversations_agent_created` ON `conversations` (`agent_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_conversations_org_agent_last_message_at` ON `conversations` (`organization_id`,`agent_id`,`last_message_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_conversations_org_agent_last_run` ON `conversations` (`organization_id`,`agent_id`,`last_run_completion`,`id`);--> statement-breakpoint
CREATE INDEX `ix_conversations_organization_last_message_at` ON `conversations` (`organization_id`,`last_message_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_conversations_organization_last_run` ON `conversations` (`organization_id`,`last_run_completion`,`id`);--> statement-breakpoint
CREATE TABLE `deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`agent_id` text,
	`run_id` text,
	`event` text NOT NULL,
	`url` text NOT NULL,
	`status` text DEFAULT 'pending' NOT NULL,
	`attempts` integer DEFAULT 0 NOT NULL,
	`next_attempt_at` integer,
	`delivered_at` integer,
	`last_status_code` integer,
	`last_error` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_deliveries_organization_created` ON `deliveries` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_deliveries_run_created` ON `deliveries` (`run_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_deliveries_agent_created` ON `deliveries` (`agent_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `delivery_attempts` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`delivery_id` text NOT NULL,
	`number` integer NOT NULL,
	`manual` integer DEFAULT false NOT NULL,
	`started_at` integer NOT NULL,
	`duration_ms` integer NOT NULL,
	`status_code` integer,
	`error` text,
	`response_excerpt` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`delivery_id`) REFERENCES `deliveries`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_delivery_attempts_delivery_number` ON `delivery_attempts` (`delivery_id`,`number`,`id`);--> statement-breakpoint
CREATE TABLE `messages` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`conversation_id` text,
	`sequence_id` integer NOT NULL,
	`role` text NOT NULL,
	`text` text,
	`content` text DEFAULT '[]' NOT NULL,
	`model` text,
	`name` text,
	`tool_calls` text DEFAULT '[]' NOT NULL,
	`tool_call_id` text,
	`tool_returns` text DEFAULT '[]' NOT NULL,
	`step_id` text,
	`run_id` text,
	`otid` text,
	`group_id` text,
	`sender_id` text,
	`batch_item_id` text,
	`is_err` integer,
	`approval_request_id` text,
	`approve` integer,
	`denial_reason` text,
	`approvals` text DEFAULT '[]' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`step_id`) REFERENCES `steps`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`id`) ON UPDATE no action ON DELETE set null,
	CONSTRAINT "messages_content_json" CHECK(json_valid("messages"."content")),
	CONSTRAINT "messages_tool_calls_json" CHECK(json_valid("messages"."tool_calls")),
	CONSTRAINT "messages_tool_returns_json" CHECK(json_valid("messages"."tool_returns")),
	CONSTRAINT "messages_approvals_json" CHECK(json_valid("messages"."approvals"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `ix_messages_agent_sequence` ON `messages` (`agent_id`,`sequence_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `uix_messages_agent_otid` ON `messages` (`agent_id`,`otid`) WHERE otid is not null and role = 'user';--> statement-breakpoint
CREATE INDEX `ix_messages_agent_created_at` ON `messages` (`agent_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `ix_messages_created_at` ON `messages` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_messages_org_agent` ON `messages` (`organization_id`,`agent_id`);--> statement-breakpoint
CREATE INDEX `ix_messages_organization_created` ON `messages` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_messages_run_sequence` ON `messages` (`run_id`,`sequence_id`);--> statement-breakpoint
CREATE INDEX `ix_messages_agent_conversation_sequence` ON `messages` (`agent_id`,`conversation_id`,`sequence_id`);--> statement-breakpoint
CREATE INDEX `idx_messages_step_id` ON `messages` (`step_id`,`sequence_id`);--> statement-breakpoint
CREATE INDEX `ix_messages_batch_item_id` ON `messages` (`batch_item_id`) WHERE batch_item_id is not null;--> statement-breakpoint
CREATE TABLE `organizations` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`privileged_tools` integer DEFAULT false NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	CONSTRAINT "organizations_metadata__json" CHECK(json_valid("organizations"."metadata_"))
);
--> statement-breakpoint
CREATE INDEX `ix_organizations_created_at` ON `organizations` (`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `run_metrics` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`project_id` text,
	`template_id` text,
	`base_template_id` text,
	`deployment_id` text,
	`run_start_ms` integer,
	`run_ns` integer,
	`num_steps` integer DEFAULT 0 NOT NULL,
	`tools_used` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`id`) REFERENCES `runs`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "run_metrics_tools_used_json" CHECK(json_valid("run_metrics"."tools_used"))
);
--> statement-breakpoint
CREATE INDEX `ix_run_metrics_agent_id` ON `run_metrics` (`agent_id`);--> statement-breakpoint
CREATE TABLE `runs` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`conversation_id` text,
	`project_id` text,
	`template_id` text,
	`base_template_id` text,
	`deployment_id` text,
	`status` text DEFAULT 'created' NOT NULL,
	`stop_reason` text,
	`background` integer DEFAULT false NOT NULL,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`request_config` text,
	`callback_url` text,
	`callback_sent_at` integer,
	`callback_status_code` integer,
	`callback_error` text,
	`ttft_ns` integer,
	`total_duration_ns` integer,
	`completed_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "runs_metadata__json" CHECK(json_valid("runs"."metadata_")),
	CONSTRAINT "runs_request_config_json" CHECK(json_valid("runs"."request_config"))
);
--> statement-breakpoint
CREATE INDEX `ix_runs_created_at` ON `runs` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_runs_agent_id` ON `runs` (`agent_id`);--> statement-breakpoint
CREATE INDEX `ix_runs_organization_id` ON `runs` (`organization_id`);--> statement-breakpoint
CREATE INDEX `ix_runs_organization_created` ON `runs` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_runs_agent_created` ON `runs` (`agent_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_runs_conversation_created` ON `runs` (`conversation_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `step_metrics` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`provider_id` text,
	`run_id` text,
	`agent_id` text NOT NULL,
	`project_id` text,
	`template_id` text,
	`base_template_id` text,
	`deployment_id` text,
	`step_start_ms` integer,
	`llm_request_start_ms` integer,
	`llm_request_ns` integer,
	`tool_execution_ns` integer,
	`step_ns` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`id`) REFERENCES `steps`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_step_metrics_run_id` ON `step_metrics` (`run_id`);--> statement-breakpoint
CREATE INDEX `ix_step_metrics_agent_id` ON `step_metrics` (`agent_id`);--> statement-breakpoint
CREATE TABLE `steps` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`run_id` text,
	`agent_id` text,
	`project_id` text,
	`sequence_id` integer NOT NULL,
	`origin` text,
	`provider_id` text,
	`provider_name` text,
	`provider_category` text,
	`model` text,
	`model_handle` text,
	`model_endpoint` text,
	`context_window_limit` integer,
	`completion_tokens` integer DEFAULT 0 NOT NULL,
	`prompt_tokens` integer DEFAULT 0 NOT NULL,
	`total_tokens` integer DEFAULT 0 NOT NULL,
	`cached_input_tokens` integer,
	`cache_write_tokens` integer,
	`reasoning_tokens` integer,
	`completion_tokens_details` text,
	`prompt_tokens_details` text,
	`stop_reason` text,
	`tags` text DEFAULT '[]' NOT NULL,
	`tid` text,
	`trace_id` text,
	`request_id` text,
	`feedback` text,
	`error_type` text,
	`error_data` text,
	`status` text DEFAULT 'pending' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE restrict,
	FOREIGN KEY (`run_id`) REFERENCES `runs`(`id`) ON UPDATE no action ON DELETE set null,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "steps_completion_tokens_details_json" CHECK(json_valid("steps"."completion_tokens_details")),
	CONSTRAINT "steps_prompt_tokens_details_json" CHECK(json_valid("steps"."prompt_tokens_details")),
	CONSTRAINT "steps_tags_json" CHECK(json_valid("steps"."tags")),
	CONSTRAINT "steps_error_data_json" CHECK(json_valid("steps"."error_data"))
);
--> statement-breakpoint
CREATE INDEX `ix_steps_run_id` ON `steps` (`run_id`);--> statement-breakpoint
CREATE INDEX `ix_steps_run_created` ON `steps` (`run_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_steps_organization_created` ON `steps` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_steps_agent_created` ON `steps` (`agent_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `tools` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`project_id` text,
	`name` text NOT NULL,
	`tool_type` text DEFAULT 'custom' NOT NULL,
	`description` text,
	`tags` text DEFAULT '[]' NOT NULL,
	`source_type` text DEFAULT 'json' NOT NULL,
	`source_code` text,
	`json_schema` text DEFAULT '{}' NOT NULL,
	`args_json_schema` text DEFAULT '{}' NOT NULL,
	`return_char_limit` integer DEFAULT 50000 NOT NULL,
	`pip_requirements` text,
	`npm_requirements` text,
	`default_requires_approval` integer,
	`enable_parallel_execution` integer DEFAULT false NOT NULL,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "tools_return_char_limit" CHECK("tools"."return_char_limit" between 1 and 1000000),
	CONSTRAINT "tools_tags_json" CHECK(json_valid("tools"."tags")),
	CONSTRAINT "tools_json_schema_json" CHECK(json_valid("tools"."json_schema")),
	CONSTRAINT "tools_args_json_schema_json" CHECK(json_valid("tools"."args_json_schema")),
	CONSTRAINT "tools_pip_requirements_json" CHECK(json_valid("tools"."pip_requirements")),
	CONSTRAINT "tools_npm_requirements_json" CHECK(json_valid("tools"."npm_requirements")),
	CONSTRAINT "tools_metadata__json" CHECK(json_valid("tools"."metadata_"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_name_organization` ON `tools` (`name`,`organization_id`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `ix_tools_created_at_name` ON `tools` (`created_at`,`name`);--> statement-breakpoint
CREATE INDEX `ix_tools_organization_id` ON `tools` (`organization_id`);--> statement-breakpoint
CREATE INDEX `ix_tools_organization_created` ON `tools` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_tools_organization_name` ON `tools` (`organization_id`,`name`,`id`);--> statement-breakpoint
CREATE TABLE `tools_agents` (
	`agent_id` text NOT NULL,
	`tool_id` text NOT NULL,
	`position` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`agent_id`, `tool_id`),
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`tool_id`) REFERENCES `tools`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_tools_agents_tool_id` ON `tools_agents` (`tool_id`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`email` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `ix_users_organization_created` ON `users` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `idempotency_keys` (
	`organization_id` text NOT NULL,
	`key` text NOT NULL,
	`request_hash` text NOT NULL,
	`status` integer,
	`content_type` text,
	`body` text,
	`sealed` integer DEFAULT false NOT NULL,
	`created_at` integer NOT NULL,
	`locked_until` integer NOT NULL,
	PRIMARY KEY(`organization_id`, `key`)
);
--> statement-breakpoint
CREATE INDEX `ix_idempotency_keys_created_at` ON `idempotency_keys` (`created_at`);