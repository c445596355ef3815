// Ids of the REST operations in the OpenAPI document. They are the same as in the OpenAPI document of Golem Cloud,
// whose API this is.

export type OperationId =
  | 'list_environment_agent_secrets'
  | 'create_agent_secret'
  | 'get_agent_secret'
  | 'update_agent_secret'
  | 'delete_agent_secret'
  | 'watch_environment_agent_secrets'
  | 'current_login_token'
  | 'list_visible_environments'
  | 'get_account_application'
  | 'create_application'
  | 'get_application_environment'
  | 'create_environment';
