/** A text without the user names and passwords of addresses in it, for messages and logs. */
export const withoutPasswords = (text: string): string =>
  text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#'"]*@/gi, "$1***@");
