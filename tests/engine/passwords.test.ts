import { describe, expect, it } from "vitest";
import { withoutPasswords } from "../../src/model/passwords.ts";

describe("what is shown of addresses", () => {
  it("is never a user name or a password", () => {
    expect(withoutPasswords("at https://user:secret@host/x and ssh://git@host/y")).toBe(
      "at https://***@host/x and ssh://***@host/y",
    );
    expect(withoutPasswords("HTTPS://token@host")).toBe("HTTPS://***@host");
    expect(withoutPasswords("https://user:se@cret@host/x")).toBe("https://***@host/x");
  });

  it("is the rest of the text as it is", () => {
    for (const text of ["mail a@b.example", "https://host/a@b", "C://", "a://b c@d", "@scope/name"])
      expect(withoutPasswords(text)).toBe(text);
  });
});
