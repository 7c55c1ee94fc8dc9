import type { FailureReason } from "../../model/failure.ts";

export interface Explanation {
  /** What is wrong, in a sentence. */
  readonly what: string;
  /** What it usually comes from. */
  readonly cause: string;
  /** What to do, with the command where there is one. */
  readonly next: string;
}

/** Every reason that a failure can have; a reason without an explanation does not compile. */
export const EXPLANATIONS: Readonly<Record<FailureReason, Explanation>> = {
  usage: {
    what: "The command line asks for something that aqm cannot do.",
    cause: "An option, a value or a folder is mistyped, or two options exclude each other.",
    next: "Read `aqm COMMAND --help`; the message names the nearest right word.",
  },
  unknown_target: {
    what: "No rule makes the target that was named.",
    cause: "The path is mistyped, or the Aqmfile does not declare that combination.",
    next: "Look for it with `aqm list`, and quote patterns: `aqm list 'models/**'`.",
  },
  skipped_target: {
    what: "The target is one of a combination that a rule skips.",
    cause: "The rule says why in the message, for instance a format that the device cannot do.",
    next: "Name another target, or change what the reason names; `aqm build --dry-run` lists all that is skipped.",
  },
  no_aqmfile: {
    what: "Neither this folder nor a folder above it has an Aqmfile.ts.",
    cause: "The command was started outside of a workspace.",
    next: "Change into the workspace, or make one with `aqm init`.",
  },
  aqmfile_syntax: {
    what: "The Aqmfile, a rule or an op cannot be bundled.",
    cause: "A syntax error, or an import of a file that is not there.",
    next: "Correct the line that the message names; nothing was changed.",
  },
  aqmfile_failed: {
    what: "The Aqmfile threw an error when it was evaluated.",
    cause:
      "An error in it or in a rule, or declarations that depend on more than configs and modules.",
    next: "Correct the line that the message names, then run `aqm list`.",
  },
  invalid_declaration: {
    what: "A rule declares an action that cannot be built.",
    cause:
      "A role or a param is missing or unknown, a param is no JSON, or a path leaves the workspace.",
    next: "Correct the rule at the line that the message names; the op's declaration says what it takes.",
  },
  unknown_name: {
    what: "A config, an op or an environment has no such name.",
    cause: "The name is mistyped, or its file is missing.",
    next: "Take the nearest name that the message gives, or add the file, for instance `conf/GROUP/NAME.yaml`.",
  },
  duplicate_output: {
    what: "Two actions declare the same output.",
    cause: "A grid makes one path for two of its cells, or two configs have one name.",
    next: "Put what differs into the path, or declare the shared action once, outside of the grid.",
  },
  overlapping_output: {
    what: "An output lies in the folder that another action makes.",
    cause: "A folder belongs to one action as a whole.",
    next: "Move one of the two, so that neither path contains the other.",
  },
  cycle: {
    what: "Actions need each other in a circle.",
    cause: "A rule reads what is made from its own output.",
    next: "Break the circle that the message lists: one of its actions must read something else.",
  },
  config_invalid: {
    what: "A config does not fit its schema, or is no YAML.",
    cause: "A key is unknown, missing or of another type; or a name is taken twice.",
    next: "Correct the line that the message names; the schema in `conf/schema/` says what is allowed.",
  },
  input_missing: {
    what: "A source file or folder is not there.",
    cause: "A checkpoint or data set was not placed yet, or lies elsewhere.",
    next: "Get it with the command in the message; `aqm list --sources TARGET` lists all sources.",
  },
  input_unreadable: {
    what: "An input is there and cannot be read.",
    cause:
      "Permissions, a broken link, a loop of links, or something that is neither a file nor a folder.",
    next: "Look at it with `ls -l PATH`, and mend permissions or the link.",
  },
  input_changed: {
    what: "An input changed while an action read it, so its result was not kept.",
    cause: "An editor, a download or another program wrote to the file during the build.",
    next: "Wait until that has ended, then run the same command again.",
  },
  op_failed: {
    what: "An op ended with an error of its own.",
    cause: "A mistake in the op, or in a library that it calls; the log has the whole text.",
    next: "Read the log that the message names, in `.aqm/logs/`.",
  },
  gate_failed: {
    what: "A check of an op refused its result, or an input that must not be trusted.",
    cause:
      "What the gate compares differs by more than it may, or a file is damaged, of another kind, or leads out of its folder: the message says which.",
    next: "Do what the message names as the next step; what the op wrote is in `.aqm/failed/`, and nothing was published.",
  },
  bad_request: {
    what: "An op refuses its inputs or params.",
    cause: "Settings that do not fit each other, or a file with another content than the op takes.",
    next: "Correct what the message names, in the config or in the file.",
  },
  unsupported_here: {
    what: "The action cannot run on this machine.",
    cause: "It needs a GPU, more memory, or a library with a feature that is missing here.",
    next: "See what is here with `aqm doctor`; build it on another machine, or choose another device in the config.",
  },
  out_of_memory: {
    what: "The memory of the device or of the machine did not suffice.",
    cause: "The model with its data is larger than what is free, or another program takes a part.",
    next: "Free the device (`nvidia-smi` shows who uses it), or lower the batch size in the config; batches of formats are halved by themselves.",
  },
  device_lost: {
    what: "The GPU stopped answering.",
    cause:
      "A fault of driver or hardware, or another program reset it; the action was tried twice.",
    next: "Look at `nvidia-smi` and `dmesg`, and choose another device with `--gpus`.",
  },
  submit_refused: {
    what: "Slurm did not take a job.",
    cause:
      "A partition, account or limit does not fit, the queue is full, or its controller does not answer.",
    next: "Look at `sinfo` and `squeue --me`, and at the slurm settings of the Aqmfile.",
  },
  job_lost: {
    what: "A job ended without a last word.",
    cause: "Its node went down, or its folder is not on a file system that the node shares.",
    next: "Run the same command again: it is submitted anew, not to that node where there is another.",
  },
  job_ended: {
    what: "The cluster ended a job.",
    cause:
      "Somebody cancelled it, or a job of higher rank took its place more often than it was tried again.",
    next: "Run the same command again, or ask for another `qos` or `partition`.",
  },
  time_limit: {
    what: "A job reached its time limit.",
    cause: "It took longer than was predicted, or than `time` in the slurm settings allows.",
    next: "Let `time` be longer; a resumable op goes on with what it has measured.",
  },
  submitted: {
    what: "It is no failure: a job goes on, and the build did not wait for it.",
    cause: "The build was asked to by `--detach`.",
    next: "Run `aqm build` again: it takes what is done, and waits for the rest unless it is detached too.",
  },
  runner_died: {
    what: "The Python process ended before it answered.",
    cause: "The system ended it, mostly for want of memory, or a library crashed.",
    next: "Read the log that the message names, look at `dmesg`, and run the same command again.",
  },
  runner_protocol: {
    what: "The Python process answered something that aqm does not understand.",
    cause: "An op prints to the channel of answers, or the runner is of another version.",
    next: "Read the log; a workspace with its own `python/aqm_runner` must fit its version of aqm.",
  },
  environment_failed: {
    what: "A Python environment cannot be made or used.",
    cause:
      "No fitting Python or pip, no package index, no room, or a named interpreter with other versions.",
    next: "Run `aqm doctor`, then `aqm environment NAME`; AQM_CACHE names a larger disk.",
  },
  output_missing: {
    what: "An op ended without one of its outputs.",
    cause: "A mistake in the op: every declared output must be written.",
    next: "Correct the op; the message names the output.",
  },
  output_invalid: {
    what: "An op wrote an output that cannot be published.",
    cause: "A link, a name that other disks cannot hold, or a file where a folder was declared.",
    next: "Correct the op; the message names the path.",
  },
  output_elsewhere: {
    what: "The place of an output leads out of the workspace.",
    cause: "A folder on the way to it is a link to another place.",
    next: "Replace the link with a folder, or declare the output elsewhere.",
  },
  region_edited: {
    what: "A person edited a region of a document that aqm fills.",
    cause: "Words were written between the markers.",
    next: "Move them out of the markers, or fill the region with `aqm build --force`, which keeps the edit in `.aqm/replaced/`.",
  },
  region_damaged: {
    what: "The markers of a region are not one pair.",
    cause: "A marker is there twice, nested, or without its end.",
    next: "Leave one begin and one end marker, as the message shows them.",
  },
  cancelled: {
    what: "The command was interrupted.",
    cause: "Ctrl-C, or a signal from the system.",
    next: "Run the same command again: what was finished is fresh.",
  },
  over_budget: {
    what: "The build may take more GPU time than --max-gpu-hours allows, so nothing ran.",
    cause: "The upper end of the prediction lies above the bound.",
    next: "See the prediction with `aqm build --dry-run`; name fewer targets, or raise the bound.",
  },
  disk_full: {
    what: "The disk has no room left.",
    cause: "Outputs, `.aqm/store`, or environments in aqm's cache.",
    next: "Free room: `aqm gc --max-size 5GB` shrinks the store; AQM_CACHE moves the cache.",
  },
  not_writable: {
    what: "aqm may not write where it must.",
    cause: "A read-only disk, or a folder of another user.",
    next: "Give yourself the right to write the folder that the message names, or move the workspace.",
  },
  lock_held: {
    what: "Another process has the lock.",
    cause:
      "Another aqm builds in this workspace or uses the device, or one on another host left its lock.",
    next: "Wait for it; `aqm doctor` says who it is, and which lock may be removed.",
  },
  git_failed: {
    what: "Git did not answer as it should.",
    cause: "Git is missing, the repository belongs to another user, or an object is damaged.",
    next: "Run `git status` in the workspace, and mend what it says.",
  },
  state_damaged: {
    what: "A file in `.aqm/` is damaged or in the way.",
    cause: "A crash of the disk, or another program wrote there.",
    next: "Delete `.aqm/`: that costs time, never results that are committed.",
  },
};

export const REASONS = Object.keys(EXPLANATIONS).sort() as readonly FailureReason[];
