import { environment } from "aqm";

/** Where data is fetched and sampled: a few small packages, so that no GPU library is needed for it. */
export const data = environment({
  name: "data",
  requirements: "python/data.in",
  lock: "python/data.lock",
  variables: {
    HF_HUB_DISABLE_TELEMETRY: "1",
    HF_HUB_DISABLE_PROGRESS_BARS: "1",
  },
  passed: {
    AQM_CACHE: "where downloads are kept; they are checked when they are taken",
    HTTP_PROXY: "how to reach a source, not what it has",
    HTTPS_PROXY: "as HTTP_PROXY",
    ALL_PROXY: "as HTTP_PROXY",
    NO_PROXY: "as HTTP_PROXY",
    http_proxy: "as HTTP_PROXY",
    https_proxy: "as HTTP_PROXY",
    all_proxy: "as HTTP_PROXY",
    no_proxy: "as HTTP_PROXY",
    SSL_CERT_DIR: "whom to believe; SSL_CERT_FILE is always passed on",
    HF_TOKEN: "who asks; what comes is checked against the revision's own list",
    HF_HOME: "where the token lies if HF_TOKEN is not set",
    HF_ENDPOINT: "which hub; the revision is a commit id, and each file has a digest",
  },
});
