import { estimateTokenCount } from 'tokenx'

/**
 * About how many tokens a language model makes of a text. An estimate, so that no tokenizer's tables are needed; never less than one for
 * eight characters, so that a bound on tokens is one on length too.
 */
export const tokensOf = (text: string): number => Math.max(estimateTokenCount(text), Math.ceil(text.length / 8))
