import type { ActionDeclaration } from "../model/declaration.ts";
import type { Failure } from "../model/failure.ts";

/** Where an action is declared, as failures say it; nothing where places were not tracked. */
export const placeOf = (declaration: ActionDeclaration): Pick<Failure, "place"> =>
  declaration.declaredAt === undefined ? {} : { place: declaration.declaredAt };
