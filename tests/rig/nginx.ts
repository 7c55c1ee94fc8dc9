import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FOUND = spawnSync("nginx", ["-v"]).error === undefined;

/** CI installs nginx and sets this, so that what needs it cannot be left out unseen. */
const REQUIRED = process.env["AQM_TESTS_NEED_NGINX"] === "1";

/** Whether tests may use nginx. Where they must and it is not there, they begin and fail with the reason. */
export const hasNginx = FOUND || REQUIRED;

/** For the names of tests that are skipped without it. */
export const UNLESS_NGINX =
  "(skipped unless nginx is installed: apt-get install nginx-light; CI fails without it)";

export interface NginxOptions {
  /** Reading needs the login, too. */
  readonly readsWithLogin?: boolean;
  /** The most bytes that it takes. */
  readonly most?: string;
  /** Put into the place of the cache instead of it, such as `return 503;`. */
  readonly instead?: string;
}

export const LOGIN = "writer:secret";

/** A real nginx as a cache, in a folder of its own: anybody may read, `writer:secret` may write. */
export class Nginx {
  readonly #root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-nginx-")));
  readonly #port: number;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(options: NginxOptions = {}): Promise<Nginx> {
    if (!FOUND) throw new Error("nginx is not installed, and AQM_TESTS_NEED_NGINX asks for it");
    const nginx = new Nginx(await freePort());
    nginx.begin(options);
    return nginx;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What lies there under a name such as `cas/<64 hex>`. */
  at(path: string): string {
    return join(this.#root, "data", path);
  }

  names(shelf: "ac" | "cas"): readonly string[] {
    return fs.existsSync(this.at(shelf)) ? fs.readdirSync(this.at(shelf)).sort() : [];
  }

  /** Requests since the last time, as `PUT /cas/… 201`. */
  takeRequests(): readonly string[] {
    const log = join(this.#root, "access.log");
    const lines = fs.readFileSync(log, "utf8").split("\n").filter(Boolean);
    fs.truncateSync(log);
    return lines;
  }

  /** Starts it where it was stopped, on the same port with the same content. */
  begin(options: NginxOptions = {}): void {
    const path = join(this.#root, "nginx.conf");
    for (const folder of ["data", "parts"])
      fs.mkdirSync(join(this.#root, folder), { recursive: true });
    fs.writeFileSync(join(this.#root, "htpasswd"), "writer:{PLAIN}secret\n");
    fs.writeFileSync(path, this.#configuration(options));
    // It listens when the command returns, and goes on in the background.
    const { status, stderr } = spawnSync(
      "nginx",
      ["-c", path, "-e", join(this.#root, "error.log")],
      {
        encoding: "utf8",
      },
    );
    if (status !== 0) throw new Error(`nginx did not start: ${stderr}`);
  }

  stop(): void {
    const path = join(this.#root, "nginx.conf");
    const stopped = spawnSync("nginx", [
      "-c",
      path,
      "-e",
      join(this.#root, "error.log"),
      "-s",
      "stop",
    ]);
    if (stopped.status !== 0) throw new Error(`nginx did not stop: ${stopped.stderr.toString()}`);
    // The master removes its file when it has ended; nothing tells of that but the file.
    while (fs.existsSync(join(this.#root, "nginx.pid"))) spawnSync("true");
  }

  remove(): void {
    if (fs.existsSync(join(this.#root, "nginx.pid"))) this.stop();
    fs.rmSync(this.#root, { recursive: true, force: true });
  }

  #configuration({ readsWithLogin = false, most = "0", instead }: NginxOptions): string {
    const root = this.#root;
    const login = `auth_basic aqm; auth_basic_user_file ${root}/htpasswd;`;
    const cache = `root ${root}/data; dav_methods PUT; create_full_put_path on; dav_access user:rw group:r all:r;
        ${readsWithLogin ? login : `limit_except GET { ${login} }`}`;
    const temporary = ["proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${root}/parts/${name};`,
    );
    return `${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 2; pid ${root}/nginx.pid; error_log ${root}/error.log warn;
events { worker_connections 256; }
http {
  log_format plain '$request_method $request_uri $status $http_authorization';
  access_log ${root}/access.log plain;
  client_body_temp_path ${root}/parts; ${temporary.join(" ")}
  client_max_body_size ${most}; default_type application/octet-stream;
  server {
    listen 127.0.0.1:${this.#port};
    location / { return 404; }
    location ~ "^/(?:ac|cas)/[0-9a-f]{64}$" {
        ${instead ?? cache}
    }
  }
}
`;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
