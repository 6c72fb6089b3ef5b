/** The operator on Kubernetes: see ../DESIGN.md. */
export { Operator, type OperatorOptions } from './operator.ts';
