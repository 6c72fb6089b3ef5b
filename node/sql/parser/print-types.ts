import type { DataType } from './ast.ts';
import { quoteText } from './print-expressions.ts';

/** A data type as SHOW CREATE TABLE prints it: synonyms resolved, in lower case. */
export function dataTypeText(type: DataType): string {
  let text: string = type.name;
  if (type.values !== undefined) text += `(${type.values.map(quoteText).join(',')})`;
  else if (type.length !== undefined)
    text += type.scale === undefined ? `(${type.length})` : `(${type.length},${type.scale})`;
  if (type.unsigned) text += ' unsigned';
  if (type.zerofill) text += ' zerofill';
  if (type.charset !== undefined) text += ` character set ${type.charset}`;
  if (type.binary) text += ' binary';
  if (type.collation !== undefined) text += ` collate ${type.collation}`;
  return text;
}
