CREATE TABLE `archives` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`vector_db_provider` text DEFAULT 'native' NOT NULL,
	`embedding` text,
	`embedding_config` text,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`_vector_db_namespace` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "archives_embedding_config_json" CHECK(json_valid("archives"."embedding_config")),
	CONSTRAINT "archives_metadata__json" CHECK(json_valid("archives"."metadata_"))
);
--> statement-breakpoint
CREATE INDEX `ix_archives_created_at` ON `archives` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_archives_organization_id` ON `archives` (`organization_id`);--> statement-breakpoint
CREATE INDEX `ix_archives_organization_created` ON `archives` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_archives_organization_name` ON `archives` (`organization_id`,`name`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `archives_agents` (
	`agent_id` text NOT NULL,
	`archive_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`is_owner` integer DEFAULT false NOT NULL,
	PRIMARY KEY(`agent_id`, `archive_id`),
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`archive_id`) REFERENCES `archives`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_archives_agents_archive_id` ON `archives_agents` (`archive_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `unique_agent_archive` ON `archives_agents` (`agent_id`);--> statement-breakpoint
CREATE TABLE `llm_batch_items` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`llm_batch_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`position` integer DEFAULT 0 NOT NULL,
	`run_id` text,
	`llm_config` text DEFAULT '{}' NOT NULL,
	`request_status` text DEFAULT 'created' NOT NULL,
	`step_status` text DEFAULT 'paused' NOT NULL,
	`step_state` text DEFAULT '{}' NOT NULL,
	`batch_request_result` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`llm_batch_id`) REFERENCES `llm_batch_job`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "llm_batch_items_llm_config_json" CHECK(json_valid("llm_batch_items"."llm_config")),
	CONSTRAINT "llm_batch_items_step_state_json" CHECK(json_valid("llm_batch_items"."step_state")),
	CONSTRAINT "llm_batch_items_batch_request_result_json" CHECK(json_valid("llm_batch_items"."batch_request_result"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_llm_batch_items_position` ON `llm_batch_items` (`llm_batch_id`,`position`);--> statement-breakpoint
CREATE INDEX `ix_llm_batch_items_agent_id` ON `llm_batch_items` (`agent_id`);--> statement-breakpoint
CREATE INDEX `ix_llm_batch_items_run_id` ON `llm_batch_items` (`run_id`);--> statement-breakpoint
CREATE INDEX `ix_llm_batch_items_status` ON `llm_batch_items` (`request_status`);--> statement-breakpoint
CREATE TABLE `llm_batch_job` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`status` text DEFAULT 'created' NOT NULL,
	`llm_provider` text NOT NULL,
	`create_batch_response` text DEFAULT '{}' NOT NULL,
	`latest_polling_response` text,
	`last_polled_at` integer,
	`letta_batch_job_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`letta_batch_job_id`) REFERENCES `jobs`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "llm_batch_job_create_batch_response_json" CHECK(json_valid("llm_batch_job"."create_batch_response")),
	CONSTRAINT "llm_batch_job_latest_polling_response_json" CHECK(json_valid("llm_batch_job"."latest_polling_response"))
);
--> statement-breakpoint
CREATE INDEX `ix_llm_batch_job_created_at` ON `llm_batch_job` (`created_at`);--> statement-breakpoint
CREATE INDEX `ix_llm_batch_job_status` ON `llm_batch_job` (`status`);--> statement-breakpoint
CREATE INDEX `ix_llm_batch_job_job` ON `llm_batch_job` (`letta_batch_job_id`);--> statement-breakpoint
CREATE TABLE `file_contents` (
	`id` text PRIMARY KEY NOT NULL,
	`file_id` text NOT NULL,
	`text` text NOT NULL,
	`object_key` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uq_file_contents_file_id` ON `file_contents` (`file_id`);--> statement-breakpoint
CREATE TABLE `files` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`source_id` text NOT NULL,
	`file_name` text,
	`original_file_name` text,
	`file_path` text,
	`file_type` text,
	`file_size` integer,
	`file_creation_date` text,
	`file_last_modified_date` text,
	`processing_status` text DEFAULT 'pending' NOT NULL,
	`error_message` text,
	`total_chunks` integer,
	`chunks_embedded` integer,
	`object_key` text,
	`content_hash` text,
	`attempt` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`source_id`) REFERENCES `sources`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_files_source_name` ON `files` (`source_id`,`file_name`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `ix_files_org_created` ON `files` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_files_source_created` ON `files` (`source_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_files_processing_status` ON `files` (`processing_status`,`updated_at`);--> statement-breakpoint
CREATE TABLE `files_agents` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`file_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`source_id` text NOT NULL,
	`file_name` text NOT NULL,
	`is_open` integer DEFAULT true NOT NULL,
	`visible_content` text,
	`last_accessed_at` integer NOT NULL,
	`start_line` integer,
	`end_line` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`source_id`) REFERENCES `sources`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uq_agent_filename` ON `files_agents` (`agent_id`,`file_name`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE UNIQUE INDEX `uq_file_agent` ON `files_agents` (`file_id`,`agent_id`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `ix_files_agents_agent_created` ON `files_agents` (`agent_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_files_agents_agent_accessed` ON `files_agents` (`agent_id`,`is_open`,`last_accessed_at`);--> statement-breakpoint
CREATE INDEX `ix_files_agents_source_id` ON `files_agents` (`source_id`);--> statement-breakpoint
CREATE TABLE `sources` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`instructions` text,
	`embedding` text,
	`embedding_config` text DEFAULT '{}' NOT NULL,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`vector_db_provider` text DEFAULT 'native' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "sources_embedding_config_json" CHECK(json_valid("sources"."embedding_config")),
	CONSTRAINT "sources_metadata__json" CHECK(json_valid("sources"."metadata_"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uq_source_name_organization` ON `sources` (`name`,`organization_id`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `source_created_at_id_idx` ON `sources` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_sources_organization_created` ON `sources` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `sources_agents` (
	`agent_id` text NOT NULL,
	`source_id` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`agent_id`, `source_id`),
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`source_id`) REFERENCES `sources`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_sources_agents_source_id` ON `sources_agents` (`source_id`,`agent_id`);--> statement-breakpoint
CREATE TABLE `groups` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`project_id` text,
	`template_id` text,
	`base_template_id` text,
	`deployment_id` text,
	`description` text NOT NULL,
	`manager_type` text NOT NULL,
	`manager_agent_id` text,
	`termination_token` text,
	`max_turns` integer,
	`sleeptime_agent_frequency` integer,
	`max_message_buffer_length` integer,
	`min_message_buffer_length` integer,
	`turns_counter` integer,
	`last_processed_message_id` text,
	`hidden` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`manager_agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `ix_groups_organization_created` ON `groups` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_groups_manager_agent_id` ON `groups` (`manager_agent_id`);--> statement-breakpoint
CREATE INDEX `ix_groups_organization_id_deployment_id` ON `groups` (`organization_id`,`deployment_id`);--> statement-breakpoint
CREATE TABLE `groups_agents` (
	`group_id` text NOT NULL,
	`agent_id` text NOT NULL,
	`position` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`group_id`, `agent_id`),
	FOREIGN KEY (`group_id`) REFERENCES `groups`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_groups_agents_agent_id` ON `groups_agents` (`agent_id`);--> statement-breakpoint
CREATE TABLE `groups_blocks` (
	`group_id` text NOT NULL,
	`block_id` text NOT NULL,
	PRIMARY KEY(`group_id`, `block_id`),
	FOREIGN KEY (`group_id`) REFERENCES `groups`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`block_id`) REFERENCES `block`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_groups_blocks_block_id` ON `groups_blocks` (`block_id`);--> statement-breakpoint
CREATE TABLE `identities` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`project_id` text,
	`identifier_key` text NOT NULL,
	`name` text NOT NULL,
	`identity_type` text NOT NULL,
	`properties` text DEFAULT '[]' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "identities_properties_json" CHECK(json_valid("identities"."properties"))
);
--> statement-breakpoint
CREATE INDEX `ix_identities_organization_created` ON `identities` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_identities_organization_key` ON `identities` (`organization_id`,`identifier_key`);--> statement-breakpoint
CREATE TABLE `identities_agents` (
	`identity_id` text NOT NULL,
	`agent_id` text NOT NULL,
	PRIMARY KEY(`identity_id`, `agent_id`),
	FOREIGN KEY (`identity_id`) REFERENCES `identities`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_identities_agents_agent_id` ON `identities_agents` (`agent_id`);--> statement-breakpoint
CREATE TABLE `identities_blocks` (
	`identity_id` text NOT NULL,
	`block_id` text NOT NULL,
	PRIMARY KEY(`identity_id`, `block_id`),
	FOREIGN KEY (`identity_id`) REFERENCES `identities`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`block_id`) REFERENCES `block`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_identities_blocks_block_id` ON `identities_blocks` (`block_id`);--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`user_id` text NOT NULL,
	`status` text DEFAULT 'created' NOT NULL,
	`completed_at` integer,
	`stop_reason` text,
	`background` integer,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`job_type` text DEFAULT 'job' NOT NULL,
	`request_config` text,
	`callback_url` text,
	`callback_sent_at` integer,
	`callback_status_code` integer,
	`callback_error` text,
	`ttft_ns` integer,
	`total_duration_ns` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "jobs_metadata__json" CHECK(json_valid("jobs"."metadata_")),
	CONSTRAINT "jobs_request_config_json" CHECK(json_valid("jobs"."request_config"))
);
--> statement-breakpoint
CREATE INDEX `ix_jobs_user_id` ON `jobs` (`user_id`);--> statement-breakpoint
CREATE INDEX `ix_jobs_organization_created` ON `jobs` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_jobs_organization_type_created` ON `jobs` (`organization_id`,`job_type`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `mcp_oauth` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`user_id` text NOT NULL,
	`server_id` text,
	`state` text NOT NULL,
	`server_url` text NOT NULL,
	`server_name` text NOT NULL,
	`authorization_url` text,
	`authorization_code_enc` text,
	`code_verifier_enc` text,
	`access_token_enc` text,
	`refresh_token_enc` text,
	`token_type` text DEFAULT 'Bearer' NOT NULL,
	`expires_at` integer,
	`scope` text,
	`client_id` text,
	`client_secret_enc` text,
	`redirect_uri` text,
	`status` text DEFAULT 'pending' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`server_id`) REFERENCES `mcp_server`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_mcp_oauth_state` ON `mcp_oauth` (`state`);--> statement-breakpoint
CREATE INDEX `ix_mcp_oauth_server_id` ON `mcp_oauth` (`server_id`);--> statement-breakpoint
CREATE TABLE `mcp_server` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`server_name` text NOT NULL,
	`server_type` text NOT NULL,
	`server_url` text,
	`auth_header` text,
	`token_enc` text,
	`custom_headers_enc` text,
	`stdio_config` text,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "mcp_server_stdio_config_json" CHECK(json_valid("mcp_server"."stdio_config")),
	CONSTRAINT "mcp_server_metadata__json" CHECK(json_valid("mcp_server"."metadata_"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_name_organization_mcp_server` ON `mcp_server` (`server_name`,`organization_id`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `ix_mcp_server_organization_created` ON `mcp_server` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `mcp_tools` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`mcp_server_id` text NOT NULL,
	`tool_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`mcp_server_id`) REFERENCES `mcp_server`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`tool_id`) REFERENCES `tools`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_mcp_tools_server_tool` ON `mcp_tools` (`mcp_server_id`,`tool_id`);--> statement-breakpoint
CREATE INDEX `ix_mcp_tools_tool_id` ON `mcp_tools` (`tool_id`);--> statement-breakpoint
CREATE TABLE `archival_passages` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`archive_id` text NOT NULL,
	`text` text NOT NULL,
	`embedding_config` text,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`tags` text DEFAULT '[]' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`archive_id`) REFERENCES `archives`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "archival_passages_embedding_config_json" CHECK(json_valid("archival_passages"."embedding_config")),
	CONSTRAINT "archival_passages_metadata__json" CHECK(json_valid("archival_passages"."metadata_")),
	CONSTRAINT "archival_passages_tags_json" CHECK(json_valid("archival_passages"."tags"))
);
--> statement-breakpoint
CREATE INDEX `archival_passages_created_at_id_idx` ON `archival_passages` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_archival_passages_archive_id` ON `archival_passages` (`archive_id`);--> statement-breakpoint
CREATE INDEX `ix_archival_passages_org_archive` ON `archival_passages` (`organization_id`,`archive_id`);--> statement-breakpoint
CREATE INDEX `ix_archival_passages_archive_created` ON `archival_passages` (`archive_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `ix_archival_passages_organization_created` ON `archival_passages` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `passage_tags` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`passage_id` text NOT NULL,
	`archive_id` text NOT NULL,
	`tag` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`passage_id`) REFERENCES `archival_passages`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`archive_id`) REFERENCES `archives`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `ix_passage_tags_org_archive` ON `passage_tags` (`organization_id`,`archive_id`);--> statement-breakpoint
CREATE INDEX `ix_passage_tags_archive_id` ON `passage_tags` (`archive_id`);--> statement-breakpoint
CREATE INDEX `ix_passage_tags_tag` ON `passage_tags` (`tag`);--> statement-breakpoint
CREATE UNIQUE INDEX `uq_passage_tag` ON `passage_tags` (`passage_id`,`tag`);--> statement-breakpoint
CREATE TABLE `source_passages` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`source_id` text NOT NULL,
	`file_id` text NOT NULL,
	`file_name` text NOT NULL,
	`position` integer DEFAULT 0 NOT NULL,
	`text` text NOT NULL,
	`embedding_config` text,
	`metadata_` text DEFAULT '{}' NOT NULL,
	`tags` text DEFAULT '[]' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`source_id`) REFERENCES `sources`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`file_id`) REFERENCES `files`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "source_passages_embedding_config_json" CHECK(json_valid("source_passages"."embedding_config")),
	CONSTRAINT "source_passages_metadata__json" CHECK(json_valid("source_passages"."metadata_")),
	CONSTRAINT "source_passages_tags_json" CHECK(json_valid("source_passages"."tags"))
);
--> statement-breakpoint
CREATE INDEX `source_passages_created_at_id_idx` ON `source_passages` (`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `source_passages_file_id_idx` ON `source_passages` (`file_id`,`position`);--> statement-breakpoint
CREATE INDEX `source_passages_org_idx` ON `source_passages` (`organization_id`);--> statement-breakpoint
CREATE INDEX `ix_source_passages_source_created` ON `source_passages` (`source_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `provider_models` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`provider_id` text NOT NULL,
	`handle` text NOT NULL,
	`display_name` text NOT NULL,
	`name` text NOT NULL,
	`model_type` text NOT NULL,
	`enabled` integer DEFAULT true NOT NULL,
	`model_endpoint_type` text NOT NULL,
	`max_context_window` integer,
	`supports_token_streaming` integer,
	`supports_tool_calling` integer,
	`embedding_dim` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`provider_id`) REFERENCES `providers`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `unique_model_per_provider_and_type` ON `provider_models` (`name`,`provider_id`,`model_type`);--> statement-breakpoint
CREATE UNIQUE INDEX `unique_handle_per_org_and_type` ON `provider_models` (`handle`,`organization_id`,`model_type`);--> statement-breakpoint
CREATE INDEX `ix_provider_models_organization_id` ON `provider_models` (`organization_id`,`model_type`);--> statement-breakpoint
CREATE INDEX `ix_provider_models_provider_id` ON `provider_models` (`provider_id`);--> statement-breakpoint
CREATE TABLE `providers` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`name` text NOT NULL,
	`provider_type` text NOT NULL,
	`provider_category` text DEFAULT 'byok' NOT NULL,
	`base_url` text,
	`region` text,
	`api_version` text,
	`api_key_enc` text,
	`access_key_enc` text,
	`last_synced` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `unique_name_organization_id` ON `providers` (`name`,`organization_id`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `ix_providers_organization_created` ON `providers` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `sandbox_configs` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`type` text NOT NULL,
	`config` text DEFAULT '{}' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "sandbox_configs_config_json" CHECK(json_valid("sandbox_configs"."config"))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_type_organization` ON `sandbox_configs` (`type`,`organization_id`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `ix_sandbox_configs_organization_created` ON `sandbox_configs` (`organization_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `sandbox_environment_variables` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`sandbox_config_id` text NOT NULL,
	`key` text NOT NULL,
	`value_enc` text NOT NULL,
	`description` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`sandbox_config_id`) REFERENCES `sandbox_configs`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `uix_key_sandbox_config` ON `sandbox_environment_variables` (`key`,`sandbox_config_id`) WHERE is_deleted = 0;--> statement-breakpoint
CREATE INDEX `ix_sandbox_env_config_created` ON `sandbox_environment_variables` (`sandbox_config_id`,`created_at`,`id`);--> statement-breakpoint
CREATE TABLE `provider_traces` (
	`id` text PRIMARY KEY NOT NULL,
	`organization_id` text NOT NULL,
	`request_json` text NOT NULL,
	`response_json` text NOT NULL,
	`step_id` text,
	`agent_id` text,
	`run_id` text,
	`user_id` text,
	`agent_tags` text,
	`call_type` text,
	`source` text,
	`compaction_settings` text,
	`llm_config` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`is_deleted` integer DEFAULT false NOT NULL,
	`created_by_id` text,
	`last_updated_by_id` text,
	FOREIGN KEY (`organization_id`) REFERENCES `organizations`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`step_id`) REFERENCES `steps`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`agent_id`) REFERENCES `agents`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "provider_traces_request_json_json" CHECK(json_valid("provider_traces"."request_json")),
	CONSTRAINT "provider_traces_response_json_json" CHECK(json_valid("provider_traces"."response_json")),
	CONSTRAINT "provider_traces_agent_tags_json" CHECK(json_valid("provider_traces"."agent_tags")),
	CONSTRAINT "provider_traces_compaction_settings_json" CHECK(json_valid("provider_traces"."compaction_settings")),
	CONSTRAINT "provider_traces_llm_config_json" CHECK(json_valid("provider_traces"."llm_config"))
);
--> statement-breakpoint
CREATE INDEX `ix_step_id` ON `provider_traces` (`step_id`);--> statement-breakpoint
CREATE INDEX `ix_provider_traces_agent_created` ON `provider_traces` (`agent_id`,`created_at`);