/** The output of the op `scheme-plan` that is the document of a plan. */
export const planRole = (plan: string): string => `plan_${plan}`;
