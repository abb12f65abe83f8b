import type { ClientSkill } from './types'

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** A skill's location as the folder that holds skills and the path below it: `…/skills`, `pdf/SKILL.md`. */
function placeOf(location: string): { root: string; path: string } {
  const path = /[^/]+(\/[^/]+\.\w+)?\/?$/.exec(location)?.[0] ?? location
  return { root: location.slice(0, -path.length).replace(/(?<=.)\/$/, '') || '.', path }
}

/** Skills as the model reads them: a tree for every folder, with what each skill is for. Empty when there are none. */
export function skillsText(skills: ClientSkill[]): string {
  if (skills.length === 0) return ''
  const roots = Map.groupBy(skills, ({ location }) => placeOf(location).root)
  const trees = [...roots].map(([root, members]) =>
    [
      root,
      ...members.map(({ name, description, location }, i) => {
        const branch = i === members.length - 1 ? '└──' : '├──'
        const about = oneLine(description)
        return `${branch} ${placeOf(location).path} (${oneLine(name)})${about ? `: ${about}` : ''}`
      }),
    ].join('\n'),
  )
  return ['<available_skills>', ...trees, '</available_skills>'].join('\n')
}
