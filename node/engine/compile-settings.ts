/** What the compiler is told of a session, from plain facts: the same on the core and in a lane's thread. */
import { parseStatement, type CompileSettings, type QueryExpression, type SqlType } from '../sql/index.ts';
import type { CompileFacts } from './lane/messages.ts';
import type { EngineSession } from './session.ts';
import { findVariable, variableType } from './variables.ts';

type World = Pick<
  CompileSettings,
  | 'mayName'
  | 'mayNotChange'
  | 'temporaryTable'
  | 'virtualTable'
  | 'overlaid'
  | 'columnDefault'
  | 'interruptible'
  | 'target'
>;

/** Of a session, as it is now. */
export function factsOf({ state }: EngineSession, text: string, slotTypes: ReadonlyMap<number, SqlType>): CompileFacts {
  return {
    database: state.database,
    collation: String(state.variables.get('collation_connection')),
    onlyFullGroupBy: state.fullGroupBy,
    timeZoneIsUtc: state.timeZoneIsUtc,
    divPrecisionIncrement: state.variables.number('div_precision_increment'),
    groupConcatMaxLen: state.variables.number('group_concat_max_len'),
    sqlMode: state.sqlMode,
    text,
    slotTypes,
    userVariableTypes: new Map([...state.userVariables].map(([name, variable]) => [name, variable.type])),
  };
}

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
