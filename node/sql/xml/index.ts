/** XML and XPath as MySQL's ExtractValue and UpdateXML have them. */
export { parseXml } from './document.ts';
export { textOf } from './expressions.ts';
export type { Context, TextRules } from './expressions.ts';
export { parseXPath } from './xpath.ts';
