/** What the compiler is told of a session, from plain facts: the same on the core and in a lane's thread. */
import { parseStatement, type CompileSettings, type QueryExpression } from '../sql/index.ts';
import type { CompileFacts } from './lane/messages.ts';
import { findVariable, variableType } from './variables.ts';

type World = Pick<
  CompileSettings,
  'mayName' | 'temporaryTable' | 'virtualTable' | 'overlaid' | 'columnDefault' | 'interruptible'
>;

export function makeCompileSettings(facts: CompileFacts, world: World): CompileSettings {
  return {
    database: facts.database,
    collation: facts.collation,
    onlyFullGroupBy: facts.onlyFullGroupBy,
    timeZoneIsUtc: facts.timeZoneIsUtc,
    slotTypes: facts.slotTypes,
    text: facts.text,
    typeEnv: {
      collation: facts.collation,
      divPrecisionIncrement: facts.divPrecisionIncrement,
      groupConcatMaxLen: facts.groupConcatMaxLen,
      sqlMode: facts.sqlMode,
    },
    systemVariable: (name) => {
      const definition = findVariable(name);
      return definition && variableType(definition);
    },
    userVariableType: (name) => facts.userVariableTypes.get(name.toLowerCase()),
    parseView: (view) => {
      const { statement } = parseStatement(view.select);
      return { query: statement as QueryExpression, text: view.select };
    },
    ...world,
  };
}
