import type { Ctx } from '../../context'
import { listEmbeddingModels, listModels } from '../../models'
import type { EmbeddingModel, Model, ModelQuery } from './schema'

/** The models that this deployment can call, as it is configured. */
export const modelService = {
  async list(ctx: Ctx, query: ModelQuery): Promise<Model[]> {
    const { provider_category, provider_name, provider_type } = query
    const ai = ctx.env.AI
    return (await listModels(ctx.config, ai ? { ai } : {})).filter(
      (model) =>
        (provider_category === undefined || provider_category.includes(model.provider_category)) &&
        (provider_name === undefined || model.provider_name === provider_name) &&
        (provider_type === undefined || model.provider_type === provider_type),
    )
  },

  embeddings: (ctx: Ctx): EmbeddingModel[] => listEmbeddingModels(ctx.config),
}
