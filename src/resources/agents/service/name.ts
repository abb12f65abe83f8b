const manners = [
  'Amber',
  'Bold',
  'Calm',
  'Clever',
  'Curious',
  'Gentle',
  'Golden',
  'Jolly',
  'Keen',
  'Lively',
  'Lucky',
  'Merry',
  'Noble',
  'Quiet',
  'Silver',
  'Sunny',
]
const beings = [
  'Badger',
  'Beaver',
  'Crane',
  'Dolphin',
  'Falcon',
  'Finch',
  'Fox',
  'Heron',
  'Lynx',
  'Marten',
  'Otter',
  'Owl',
  'Panda',
  'Raven',
  'Swallow',
  'Whale',
]

/** A name for an agent that was given none, such as `QuietOtter`. Not unique. */
export function randomName(): string {
  const [a = 0, b = 0] = crypto.getRandomValues(new Uint8Array(2))
  return `${manners[a % manners.length]}${beings[b % beings.length]}`
}
