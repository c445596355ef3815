// The operations of the REST API by their ids in the OpenAPI document. The original's document uses the same ids.

export type OperationId =
  | 'list_environment_agent_secrets'
  | 'create_agent_secret'
  | 'get_agent_secret'
  | 'update_agent_secret'
  | 'delete_agent_secret'
  | 'watch_environment_agent_secrets';
