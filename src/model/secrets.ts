const HIDDEN = "***";
/** A shorter value is part of too many words. */
const LEAST = 8;
/** Variables of the environment whose values are credentials, by their names. */
const NAMED = /TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL/i;

/** Forms that credentials have wherever they come from; the first group stays. */
const FORMS: readonly RegExp[] = [
  // Before the host of an address: a user name, with or without a password.
  /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#'"\\]*(?=@)/gi,
  /(\bauthorization[\\'"]*\s*[:=]\s*[\\'"]*(?:[a-z]+\s+)?)[^\s'"\\,;]+/gi,
  /(\bbearer\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{8,}/gi,
  /([?&][\w.-]*(?:token|signature|secret|passw\w*|api_?key|credential)=)[^&\s'"#\\]+/gi,
  /(\bhf_)[A-Za-z0-9]{16,}/g,
];

/** The values of variables of the environment that are called like a credential. */
export const secretsOf = (
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] =>
  Object.entries(environment).flatMap(([name, value = ""]) =>
    value.length >= LEAST && NAMED.test(name) ? [value] : [],
  );

/**
 * A text with `***` in the place of each credential: the values that are named, user names and passwords in addresses,
 * what follows `Authorization` and `Bearer`, signatures and tokens in the query of an address, and tokens of
 * the Hugging Face hub. `python/aqm_runner/runner/secrets.py` is the same in Python.
 */
export function withoutSecrets(text: string, values: readonly string[] = []): string {
  const known = values.reduce((shown, value) => shown.replaceAll(value, HIDDEN), text);
  return FORMS.reduce((shown, form) => shown.replace(form, `$1${HIDDEN}`), known);
}
