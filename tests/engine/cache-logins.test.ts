import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { chosenCache } from "../../src/host/cache/chosen-cache.ts";
import { loginFor } from "../../src/host/cache/logins.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

const url = new URL("https://cache.example/aqm");
const alice = `Basic ${Buffer.from("alice:s3cret").toString("base64")}`;

function fileOf(text: string, mode = 0o600): string {
  const folder = new Folder({ logins: text });
  fs.chmodSync(folder.at("logins"), mode);
  return folder.at("logins");
}

const NONE = { NETRC: "/nowhere/.netrc" };

describe("the login for a cache", () => {
  it.each<[string, () => Record<string, string>]>([
    ["the variable", () => ({ AQM_CACHE_LOGIN: "https://cache.example alice:s3cret" })],
    [
      "a file",
      () => ({ AQM_CACHE_LOGIN_FILE: fileOf("# mine\n\nhttps://cache.example alice:s3cret\n") }),
    ],
    [
      "netrc",
      () => ({
        NETRC: fileOf(
          "machine other login x password y\nmachine cache.example\n  login alice password s3cret\n",
        ),
      }),
    ],
  ])("is taken from %s", (_, variables) => {
    const found = valueOf(loginFor(url, { ...NONE, ...variables() }));
    expect(found).toMatchObject({ origin: "https://cache.example", authorization: alice });
  });

  it("may be a token", () => {
    const variables = { ...NONE, AQM_CACHE_LOGIN: "https://cache.example Bearer abc.def" };
    expect(valueOf(loginFor(url, variables))?.authorization).toBe("Bearer abc.def");
  });

  it.each([
    "https://other.example alice:s3cret",
    "http://cache.example alice:s3cret",
    "https://cache.example:8443 alice:s3cret",
  ])("is not that of another origin: %s", (line) => {
    expect(valueOf(loginFor(url, { ...NONE, AQM_CACHE_LOGIN: line }))).toBe(null);
  });

  it("is not sent without encryption, but on this machine", () => {
    const variables = { ...NONE, AQM_CACHE_LOGIN: "http://cache.example alice:s3cret" };
    const refused = errorOf(loginFor(new URL("http://cache.example"), variables));
    expect(refused).toContain("without encryption");
    const here = { ...NONE, AQM_CACHE_LOGIN: "http://127.0.0.1:8080 alice:s3cret" };
    expect(valueOf(loginFor(new URL("http://127.0.0.1:8080/x"), here))).not.toBe(null);
  });

  it("is not taken from a file that others may read, and no message shows it", () => {
    const open = fileOf("https://cache.example alice:s3cret\n", 0o644);
    const messages = [
      errorOf(loginFor(url, { ...NONE, AQM_CACHE_LOGIN_FILE: open })),
      errorOf(loginFor(url, { ...NONE, AQM_CACHE_LOGIN: "cache.example alice:s3cret" })),
      errorOf(loginFor(url, { ...NONE, AQM_CACHE_LOGIN: "https://cache.example s3cret" })),
    ];
    expect(messages[0]).toContain("chmod 600");
    expect(messages.filter((message) => message.includes("s3cret"))).toEqual([]);
  });
});

describe("the cache that is shared", () => {
  const declared = { folder: "/shared/aqm", mode: "write" } as const;

  it("is what the variables say, else what the Aqmfile says, and is read unless somebody says more", () => {
    const chosen = (variables: Record<string, string>, from: object | null = declared) => {
      const found = valueOf(chosenCache(from, variables));
      return found === null ? null : `${found.mode} ${found.at.toString()} ${found.by}`;
    };
    expect(chosen({})).toBe("write /shared/aqm Aqmfile.ts");
    expect(chosen({ AQM_CACHE_MODE: "read" })).toBe("read /shared/aqm Aqmfile.ts");
    expect(chosen({}, { folder: "/shared/aqm" })).toBe("read /shared/aqm Aqmfile.ts");
    expect(chosen({ AQM_CACHE_SHARED: "/mine" })).toBe("read /mine AQM_CACHE_SHARED");
    expect(chosen({ AQM_CACHE_SHARED: "https://c.example/x", AQM_CACHE_MODE: "write" })).toBe(
      "write https://c.example/x AQM_CACHE_SHARED",
    );
    expect(chosen({ AQM_CACHE_SHARED: "off" })).toBe(null);
    expect(chosen({}, null)).toBe(null);
  });

  it.each([
    ["a relative path", { AQM_CACHE_SHARED: "shared/aqm" }],
    ["another protocol", { AQM_CACHE_SHARED: "ftp://cache.example" }],
    ["a password", { AQM_CACHE_SHARED: "https://alice:s3cret@cache.example" }],
    ["another mode", { AQM_CACHE_MODE: "readwrite" }],
  ])("is refused with %s, which is not shown with its password", (_, variables) => {
    const { message, reason } = errorOf(chosenCache(declared, variables));
    expect(reason).toBe("usage");
    expect(message).not.toContain("s3cret");
  });
});
