/**
 * What a program knows of Python ops: name → params, inputs and outputs. Empty here; the workspace adds its ops
 * with `declare module "aqm" { interface PythonOps { … } }`, in a file that is made from the declarations
 * beside the ops. A name that is not in it takes anything, and a dry run says what is wrong with that.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- a place to add to, see above
export interface PythonOps {}
