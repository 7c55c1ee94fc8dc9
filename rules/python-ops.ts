// Made by `node scripts/python-op-types.mjs` from python/aqm_runner/ops/*.json; edit those.
import type { Input } from "aqm";

declare module "aqm" {
  interface PythonOps {
    autoround_choice: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        readonly method: "delta_loss";
        /** Formats to choose from, as autoround_scores takes them; NONE, which is 16 bits, is always one more. */
        readonly candidates: readonly {
          readonly name: string;
          /** Fields of AutoRound's QuantizationScheme, made from the quantizers of a pair: num_bits n (integer) is bits n, data_type int; num_bits [4, 3] is bits 8, data_type fp; num_bits [2, 1] is bits 4, data_type mx_fp where scale_bits is [8, 0], and nv_fp where scale_bits is [4, 3] with blocks of 16. axis 0 is group_size -1, axis null is group_size 0, block_sizes {"-1": g} is group_size g. Quantizers here are symmetric: sym true. The input quantizer gives act_ fields in the same way, where a scale for each token is act_group_size -1; act_dynamic is true where its type is dynamic. Without an input quantizer act_bits is 16, and the other act_ fields are left out. An axis of 1, scales for NVFP4 in other blocks than 16, and MXFP4 in others than 32 have no counterpart. */
          readonly config: {
            /** Bits of a weight's number, without its share of the scale. */
            readonly bits: number;
            /** Weights along the last axis that share a scale; -1: an output channel; 0: the whole weight. */
            readonly group_size: number;
            /** Whether numbers lie around zero. */
            readonly sym: boolean;
            /** Numbers: int, fp (FP8 E4M3), mx_fp (scales are powers of two), nv_fp (FP8 scales and one for the whole weight). */
            readonly data_type: "int" | "fp" | "mx_fp" | "nv_fp";
            /** Bits of an activation's number; 16: activations are left alone. */
            readonly act_bits: number;
            /** Activations along the last axis that share a scale; -1: a token; 0: the whole tensor. */
            readonly act_group_size?: number;
            readonly act_sym?: boolean;
            readonly act_data_type?: "int" | "fp" | "mx_fp" | "nv_fp";
            /** Whether a served model finds the range when it runs. Scores take the range of each batch either way. */
            readonly act_dynamic?: boolean;
          };
        }[];
        /** Bits a weight, over the layers of the scope. */
        readonly budgets: readonly number[];
        /** What shares a format: a group of layers that servers fuse, or each layer for itself. */
        readonly unit: "group" | "layer";
        /** Whether the scales of a layer are charged to it, as AutoScheme does by default. */
        readonly count_scales: boolean;
        readonly dtype: "float32" | "bfloat16";
        /** Samples a batch. */
        readonly batch_size: number;
        /** Tokens a sample. */
        readonly sequence_length: number;
        /** Samples to score over, from the first; whole batches are taken. */
        readonly score_size: number;
        /** Samples to run over, from the first; null: all. */
        readonly calibration_samples: number | null;
        readonly padding: "max_length" | "longest";
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly captions: Input;
            readonly database?: never;
            readonly images?: never;
          }
        | {
            readonly checkpoint: Input;
            readonly captions?: never;
            readonly database: Input;
            readonly images: Input;
          };
      readonly outputs: "choice";
    };
    autoround_export: {
      readonly params: {
        /** Language layers: AutoRound 0.16.1 tunes vision layers on data of its own alone. */
        readonly scope: "lm";
        /** The formats that the plan may name, as autoround_scores takes them; NONE, which is the weight as it is, is always one more. */
        readonly candidates: readonly {
          readonly name: string;
          /** Fields of AutoRound's QuantizationScheme, made from the quantizers of a pair: num_bits n (integer) is bits n, data_type int; num_bits [4, 3] is bits 8, data_type fp; num_bits [2, 1] is bits 4, data_type mx_fp where scale_bits is [8, 0], and nv_fp where scale_bits is [4, 3] with blocks of 16. axis 0 is group_size -1, axis null is group_size 0, block_sizes {"-1": g} is group_size g. Quantizers here are symmetric: sym true. The input quantizer gives act_ fields in the same way, where a scale for each token is act_group_size -1; act_dynamic is true where its type is dynamic. Without an input quantizer act_bits is 16, and the other act_ fields are left out. An axis of 1, scales for NVFP4 in other blocks than 16, and MXFP4 in others than 32 have no counterpart. */
          readonly config: {
            /** Bits of a weight's number, without its share of the scale. */
            readonly bits: number;
            /** Weights along the last axis that share a scale; -1: an output channel; 0: the whole weight. */
            readonly group_size: number;
            /** Whether numbers lie around zero. */
            readonly sym: boolean;
            /** Numbers: int, fp (FP8 E4M3), mx_fp (scales are powers of two), nv_fp (FP8 scales and one for the whole weight). */
            readonly data_type: "int" | "fp" | "mx_fp" | "nv_fp";
            /** Bits of an activation's number; 16: activations are left alone. */
            readonly act_bits: number;
            /** Activations along the last axis that share a scale; -1: a token; 0: the whole tensor. */
            readonly act_group_size?: number;
            readonly act_sym?: boolean;
            readonly act_data_type?: "int" | "fp" | "mx_fp" | "nv_fp";
            /** Whether a served model finds the range when it runs. Scores take the range of each batch either way. */
            readonly act_dynamic?: boolean;
          };
        }[];
        /** The form of the checkpoint: AutoRound's own, or compressed-tensors. */
        readonly format: "auto_round" | "llm_compressor";
        /** Steps of tuning for each block; 0: weights are rounded to the nearest, with searched scales. */
        readonly iters: number;
        /** Of the order of samples. */
        readonly seed: number;
        readonly dtype: "float32" | "bfloat16";
        /** What is tuned on, and how it is fed. */
        readonly calibration: {
          /** Samples to tune on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          /** AutoRound takes batches of one width alone. */
          readonly padding: "max_length";
        };
        readonly include_lm_head: boolean;
      };
      readonly inputs: {
        readonly checkpoint: Input;
        readonly plan: Input;
        readonly database: Input;
      };
      readonly outputs: "checkpoint" | "check";
    };
    autoround_quality: {
      readonly params: {
        readonly scope: "lm";
        /** The form of the folders, as autoround_export wrote them. */
        readonly format: "auto_round" | "llm_compressor";
        /** Of the unquantized model. */
        readonly dtype: "float32" | "bfloat16";
        /** What is tuned on, and how it is fed. */
        readonly calibration: {
          /** Samples to tune on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          /** AutoRound takes batches of one width alone. */
          readonly padding: "max_length";
        };
        /** How the held-out data is fed, and how intervals are made. */
        readonly measure: {
          /** Samples a batch. */
          readonly batch_size: number;
          /** Most tokens of a caption; a longer one is cut. */
          readonly sequence_length: number;
          /** Counted tokens that the held-out data must have at least. */
          readonly least_tokens: number;
          /** Bootstrap resamples of an interval. */
          readonly resamples: number;
          /** Of the bootstrap. */
          readonly seed: number;
        };
        /** Only where the held-out data is part of the calibration data: the document says so, and the gate that would refuse it is lifted. */
        readonly leaked?: true;
        readonly attention: "deterministic";
      };
      readonly inputs: {
        readonly checkpoint: Input;
        readonly quantized: Input;
        readonly database: Input;
        readonly held_out: Input;
        readonly against?: Input;
        readonly sample?: Input;
      };
      readonly outputs: "quality";
    };
    autoround_scores: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        readonly method: "delta_loss";
        readonly format: {
          readonly name: string;
          /** Fields of AutoRound's QuantizationScheme, made from the quantizers of a pair: num_bits n (integer) is bits n, data_type int; num_bits [4, 3] is bits 8, data_type fp; num_bits [2, 1] is bits 4, data_type mx_fp where scale_bits is [8, 0], and nv_fp where scale_bits is [4, 3] with blocks of 16. axis 0 is group_size -1, axis null is group_size 0, block_sizes {"-1": g} is group_size g. Quantizers here are symmetric: sym true. The input quantizer gives act_ fields in the same way, where a scale for each token is act_group_size -1; act_dynamic is true where its type is dynamic. Without an input quantizer act_bits is 16, and the other act_ fields are left out. An axis of 1, scales for NVFP4 in other blocks than 16, and MXFP4 in others than 32 have no counterpart. */
          readonly config: {
            /** Bits of a weight's number, without its share of the scale. */
            readonly bits: number;
            /** Weights along the last axis that share a scale; -1: an output channel; 0: the whole weight. */
            readonly group_size: number;
            /** Whether numbers lie around zero. */
            readonly sym: boolean;
            /** Numbers: int, fp (FP8 E4M3), mx_fp (scales are powers of two), nv_fp (FP8 scales and one for the whole weight). */
            readonly data_type: "int" | "fp" | "mx_fp" | "nv_fp";
            /** Bits of an activation's number; 16: activations are left alone. */
            readonly act_bits: number;
            /** Activations along the last axis that share a scale; -1: a token; 0: the whole tensor. */
            readonly act_group_size?: number;
            readonly act_sym?: boolean;
            readonly act_data_type?: "int" | "fp" | "mx_fp" | "nv_fp";
            /** Whether a served model finds the range when it runs. Scores take the range of each batch either way. */
            readonly act_dynamic?: boolean;
          };
        };
        readonly dtype: "float32" | "bfloat16";
        /** Samples a batch. */
        readonly batch_size: number;
        /** Tokens a sample. */
        readonly sequence_length: number;
        /** Samples to score over, from the first; whole batches are taken. */
        readonly score_size: number;
        /** Samples to run over, from the first; null: all. */
        readonly calibration_samples: number | null;
        readonly padding: "max_length" | "longest";
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly captions: Input;
            readonly database?: never;
            readonly images?: never;
          }
        | {
            readonly checkpoint: Input;
            readonly captions?: never;
            readonly database: Input;
            readonly images: Input;
          };
      readonly outputs: "scores";
    };
    calibration_draw: {
      readonly params: {
        readonly samples: number;
        /** Another seed draws other rows. */
        readonly seed: number;
        /** Rows from the first that no draw takes. */
        readonly apart_from: number;
        /** Which draw of the seed; no row is in two of them. */
        readonly number: number;
      };
      readonly inputs: { readonly database: Input };
      readonly outputs: "database" | "captions";
    };
    calibration_sample: {
      readonly params: {
        /** <= 0 means all captions. */
        readonly samples: number;
        readonly seed: number;
        /** From the database's folder to the images' root; only recorded. */
        readonly coco_root_relative: string;
      };
      readonly inputs: { readonly annotations_train: Input; readonly annotations_val: Input };
      readonly outputs: "database" | "captions";
    };
    calibration_subset: {
      readonly params: {
        readonly samples: number;
      };
      readonly inputs: { readonly database: Input };
      readonly outputs: "database" | "captions";
    };
    checkpoint_tensors: {
      readonly params: Readonly<Record<string, never>>;
      readonly inputs: { readonly checkpoint: Input };
      readonly outputs: "tensors";
    };
    coco_annotations: {
      readonly params: {
        /** URL or absolute path of the base. */
        readonly source: string;
        /** The zip file below the base; null where the files lie unpacked. */
        readonly archive: {
          readonly path: string;
          readonly sha256?: string;
          readonly size?: number;
        } | null;
      };
      readonly inputs: Readonly<Record<string, never>>;
      readonly outputs: "annotations_train" | "annotations_val";
    };
    coco_images: {
      readonly params: {
        /** URL or absolute path of the base. */
        readonly source: string;
      };
      readonly inputs: { readonly database: Input };
      readonly outputs: "images";
    };
    compressed_tensors_export: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** The formats that the plan may name; NONE, which is the weight as it is, is always one more. */
        readonly candidates: readonly {
          readonly name: string;
          readonly config: {
            readonly quant_cfg: readonly object[];
            readonly algorithm: string | object | null;
          };
        }[];
        readonly dtype: "float32" | "bfloat16";
        readonly include_lm_head: boolean;
      };
      readonly inputs: {
        readonly checkpoint: Input;
        readonly plan: Input;
        readonly ranges?: Input;
      };
      readonly outputs: "checkpoint" | "check";
    };
    held_out_sample: {
      readonly params: {
        /** Which of the three sets, which share no image and no caption. */
        readonly part: "search" | "confirm" | "report";
        /** Images of the set, each with one caption. */
        readonly samples: number;
        /** Shared by the three sets; it decides which images and captions are in which. */
        readonly seed: number;
        /** From the database's folder to the images' root; only recorded. */
        readonly coco_root_relative: string;
      };
      readonly inputs: {
        readonly annotations_train: Input;
        readonly annotations_val: Input;
        readonly calibration: Input;
      };
      readonly outputs: "database" | "captions";
    };
    hub_checkpoint: {
      readonly params: {
        /** owner/name of the model. */
        readonly hub: string;
        /** A whole commit id. */
        readonly revision: string;
        /** URL of the hub; null for HF_ENDPOINT, else the public one. */
        readonly endpoint: string | null;
        readonly include: readonly string[];
      };
      readonly inputs: Readonly<Record<string, never>>;
      readonly outputs: "checkpoint";
    };
    inc_quantize: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        readonly format: {
          readonly name: string;
          readonly config: {
            /** Attributes of the pair's weight quantizer; INC rounds symmetrically. */
            readonly weight: {
              readonly num_bits: 8;
              /** 0: a scale for each output; null: one for the whole tensor. */
              readonly axis: 0 | null;
            };
            /** Attributes of the pair's input quantizer; INC rounds to uint8 with a zero point. */
            readonly input: {
              readonly num_bits: 8;
              readonly axis: null;
            };
          };
        };
        readonly dtype: "float32";
        /** Samples a batch. */
        readonly batch_size: number;
        /** Tokens a sample. */
        readonly sequence_length: number;
        /** Samples to calibrate on, from the first; null: all. */
        readonly calibration_samples: number | null;
        /** Samples that losses are measured on, from the first. */
        readonly measure_samples: number;
        readonly padding: "max_length" | "longest";
        readonly attention: "deterministic";
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly ops: Input;
            readonly captions: Input;
            readonly database?: never;
            readonly images?: never;
          }
        | {
            readonly checkpoint: Input;
            readonly ops: Input;
            readonly captions?: never;
            readonly database: Input;
            readonly images: Input;
          };
      readonly outputs: "model" | "document";
    };
    inc_scores: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** mse_v2: squared distance of the logits with one op in INT8; hawq_v2: trace of the loss's Hessian times the squared error of the weight. */
        readonly method: "mse_v2" | "hawq_v2";
        /** Who walks the ops. loop: this package, with INC's configurations and observers; inc: INC itself, sub-graph by sub-graph, with a copy of the model for each op. hawq_v2 has inc alone. */
        readonly path: "loop" | "inc";
        readonly format: {
          readonly name: string;
          readonly config: {
            /** Attributes of the pair's weight quantizer; INC rounds symmetrically. */
            readonly weight: {
              readonly num_bits: 8;
              /** 0: a scale for each output; null: one for the whole tensor. */
              readonly axis: 0 | null;
            };
            /** Attributes of the pair's input quantizer; INC rounds to uint8 with a zero point. */
            readonly input: {
              readonly num_bits: 8;
              readonly axis: null;
            };
          };
        };
        readonly dtype: "float32";
        /** Samples a batch. */
        readonly batch_size: number;
        /** Tokens a sample. */
        readonly sequence_length: number;
        /** Samples that distances are summed over, from the first, in whole batches. */
        readonly score_size: number;
        /** Most batches that distances are summed over, or that traces are measured on; null: as many as score_size has. */
        readonly confidence_batches: number | null;
        /** Samples to calibrate on, from the first; null: all. */
        readonly calibration_samples: number | null;
        /** Most ops to score, from the first in module order; null: all. */
        readonly max_ops: number | null;
        /** Random vectors that a trace is averaged over; of hawq_v2. */
        readonly trace_iterations: number;
        /** Of the random vectors; of hawq_v2. */
        readonly seed: number;
        readonly padding: "max_length" | "longest";
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly captions: Input;
            readonly database?: never;
            readonly images?: never;
          }
        | {
            readonly checkpoint: Input;
            readonly captions?: never;
            readonly database: Input;
            readonly images: Input;
          };
      readonly outputs: "scores" | "ops";
    };
    input_ranges: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        readonly dtype: "float32" | "bfloat16";
        /** How the calibration data is fed to find ranges. */
        readonly calibration: {
          /** Samples to calibrate on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          readonly padding: "max_length" | "longest";
        };
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
      };
      readonly inputs:
        | { readonly checkpoint: Input; readonly database: Input; readonly images?: never }
        | { readonly checkpoint: Input; readonly database: Input; readonly images: Input };
      readonly outputs: "ranges";
    };
    measured_search: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** The formats that plans may use; NONE, which is 16 bits, is always one more. */
        readonly candidates: readonly {
          readonly name: string;
          readonly config: {
            readonly quant_cfg: readonly object[];
            readonly algorithm: string | object | null;
          };
        }[];
        readonly dtype: "float32" | "bfloat16";
        /** How the calibration data is fed to find ranges. */
        readonly calibration: {
          /** Samples to calibrate on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          readonly padding: "max_length" | "longest";
        };
        /** How the held-out data is fed, and how intervals are made. */
        readonly measure: {
          /** Samples a batch. */
          readonly batch_size: number;
          /** Most tokens of a caption; a longer one is cut. */
          readonly sequence_length: number;
          /** Counted tokens that the held-out data must have at least. */
          readonly least_tokens: number;
          /** Bootstrap resamples of an interval. */
          readonly resamples: number;
          /** Of the bootstrap. */
          readonly seed: number;
        };
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
        /** Most measurements, of one plan on one held-out set each. */
        readonly measurements: number;
        /** Of the moves that are drawn. */
        readonly seed: number;
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly problem: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly held_out_confirm: Input;
            readonly images?: never;
            readonly held_out_images?: never;
            readonly held_out_confirm_images?: never;
            readonly sample?: Input;
          }
        | {
            readonly checkpoint: Input;
            readonly problem: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly held_out_confirm: Input;
            readonly images: Input;
            readonly held_out_images: Input;
            readonly held_out_confirm_images: Input;
            readonly sample?: Input;
          };
      readonly outputs: "search";
    };
    modelopt_export: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** The formats that the plan may name; NONE, which is the weight as it is, is always one more. */
        readonly candidates: readonly {
          readonly name: string;
          readonly config: {
            readonly quant_cfg: readonly object[];
            readonly algorithm: string | object | null;
          };
        }[];
        readonly dtype: "float32" | "bfloat16";
        readonly include_lm_head: boolean;
      };
      readonly inputs: {
        readonly checkpoint: Input;
        readonly plan: Input;
        readonly ranges?: Input;
      };
      readonly outputs: "checkpoint" | "check";
    };
    plan_answers: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** The formats that plans may name; NONE, which is 16 bits, is always one more. */
        readonly candidates: readonly {
          readonly name: string;
          readonly config: {
            readonly quant_cfg: readonly object[];
            readonly algorithm: string | object | null;
          };
        }[];
        readonly dtype: "float32" | "bfloat16";
        /** How the calibration data is fed to find ranges. */
        readonly calibration: {
          /** Samples to calibrate on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          readonly padding: "max_length" | "longest";
        };
        /** What is asked, each in a user's turn by the checkpoint's chat template. */
        readonly prompts: {
          /** Prompts of text alone. */
          readonly texts: readonly string[];
          /** What is asked of each image. */
          readonly image_text: string;
          /** Images, from the first row of held_out. */
          readonly images: number;
        };
        /** Most tokens of an answer, with the one that ends it. */
        readonly max_new_tokens: number;
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly plan: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images?: never;
            readonly sample?: Input;
            readonly held_out_images?: Input;
          }
        | {
            readonly checkpoint: Input;
            readonly plan: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images: Input;
            readonly sample?: Input;
            readonly held_out_images?: Input;
          };
      readonly outputs: "answers";
    };
    plan_quality: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** The formats that plans may name; NONE, which is 16 bits, is always one more. */
        readonly candidates: readonly {
          readonly name: string;
          readonly config: {
            readonly quant_cfg: readonly object[];
            readonly algorithm: string | object | null;
          };
        }[];
        readonly dtype: "float32" | "bfloat16";
        /** How the calibration data is fed to find ranges. */
        readonly calibration: {
          /** Samples to calibrate on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          readonly padding: "max_length" | "longest";
        };
        /** How the held-out data is fed, and how intervals are made. */
        readonly measure: {
          /** Samples a batch. */
          readonly batch_size: number;
          /** Most tokens of a caption; a longer one is cut. */
          readonly sequence_length: number;
          /** Counted tokens that the held-out data must have at least. */
          readonly least_tokens: number;
          /** Bootstrap resamples of an interval. */
          readonly resamples: number;
          /** Of the bootstrap. */
          readonly seed: number;
        };
        readonly include_lm_head: boolean;
        /** Only where the held-out data is part of the calibration data: the document says so, and the gate that would refuse it is lifted. */
        readonly leaked?: true;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly plan: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images?: never;
            readonly held_out_images?: never;
            readonly sample?: Input;
          }
        | {
            readonly checkpoint: Input;
            readonly plan: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images: Input;
            readonly held_out_images: Input;
            readonly sample?: Input;
          };
      readonly outputs: "quality";
    };
    recipe_answers: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** A config of ModelOpt, by its name. */
        readonly recipe:
          "INT8_SMOOTHQUANT_CFG" | "INT4_AWQ_CFG" | "FP8_DEFAULT_CFG" | "NVFP4_DEFAULT_CFG";
        readonly dtype: "float32" | "bfloat16";
        /** How the calibration data is fed to find ranges. */
        readonly calibration: {
          /** Samples to calibrate on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          readonly padding: "max_length" | "longest";
        };
        /** What is asked, each in a user's turn by the checkpoint's chat template. */
        readonly prompts: {
          /** Prompts of text alone. */
          readonly texts: readonly string[];
          /** What is asked of each image. */
          readonly image_text: string;
          /** Images, from the first row of held_out. */
          readonly images: number;
        };
        /** Most tokens of an answer, with the one that ends it. */
        readonly max_new_tokens: number;
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images?: never;
            readonly sample?: Input;
            readonly held_out_images?: Input;
          }
        | {
            readonly checkpoint: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images: Input;
            readonly sample?: Input;
            readonly held_out_images?: Input;
          };
      readonly outputs: "answers";
    };
    recipe_export: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** A config of ModelOpt, by its name. */
        readonly recipe:
          "INT8_SMOOTHQUANT_CFG" | "INT4_AWQ_CFG" | "FP8_DEFAULT_CFG" | "NVFP4_DEFAULT_CFG";
        readonly dtype: "float32" | "bfloat16";
        /** How the calibration data is fed to find ranges. */
        readonly calibration: {
          /** Samples to calibrate on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          readonly padding: "max_length" | "longest";
        };
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
      };
      readonly inputs:
        | { readonly checkpoint: Input; readonly database: Input; readonly images?: never }
        | { readonly checkpoint: Input; readonly database: Input; readonly images: Input };
      readonly outputs: "checkpoint" | "check";
    };
    recipe_quality: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        /** A config of ModelOpt, by its name. */
        readonly recipe:
          "INT8_SMOOTHQUANT_CFG" | "INT4_AWQ_CFG" | "FP8_DEFAULT_CFG" | "NVFP4_DEFAULT_CFG";
        readonly dtype: "float32" | "bfloat16";
        /** How the calibration data is fed to find ranges. */
        readonly calibration: {
          /** Samples to calibrate on, from the first; null: all. */
          readonly samples: number | null;
          /** Samples a batch. */
          readonly batch_size: number;
          /** Tokens a sample. */
          readonly sequence_length: number;
          readonly padding: "max_length" | "longest";
        };
        /** How the held-out data is fed, and how intervals are made. */
        readonly measure: {
          /** Samples a batch. */
          readonly batch_size: number;
          /** Most tokens of a caption; a longer one is cut. */
          readonly sequence_length: number;
          /** Counted tokens that the held-out data must have at least. */
          readonly least_tokens: number;
          /** Bootstrap resamples of an interval. */
          readonly resamples: number;
          /** Of the bootstrap. */
          readonly seed: number;
        };
        readonly include_lm_head: boolean;
        /** Only where the held-out data is part of the calibration data: the document says so, and the gate that would refuse it is lifted. */
        readonly leaked?: true;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images?: never;
            readonly held_out_images?: never;
            readonly sample?: Input;
          }
        | {
            readonly checkpoint: Input;
            readonly database: Input;
            readonly held_out: Input;
            readonly images: Input;
            readonly held_out_images: Input;
            readonly sample?: Input;
          };
      readonly outputs: "quality";
    };
    sensitivity_scores: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        readonly method: "gradient" | "kl_div";
        readonly format: {
          readonly name: string;
          readonly config: {
            readonly quant_cfg: readonly object[];
            readonly algorithm: string | object | null;
          };
        };
        readonly dtype: "float32" | "bfloat16";
        /** Samples a batch. */
        readonly batch_size: number;
        /** Tokens a sample. */
        readonly sequence_length: number;
        /** Samples to score over. */
        readonly score_size: number;
        /** Samples to calibrate on, from the first; null: all. */
        readonly calibration_samples: number | null;
        readonly padding: "max_length" | "longest";
        /** Of gradient. */
        readonly loss: "batch_mean" | "sample_sum";
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly captions: Input;
            readonly database?: never;
            readonly images?: never;
          }
        | {
            readonly checkpoint: Input;
            readonly captions?: never;
            readonly database: Input;
            readonly images: Input;
          };
      readonly outputs: "scores";
    };
    serving_check: {
      readonly params: {
        /** Where vLLM believes to be: without a GPU, on a GPU that is invented, or on the GPU that is there. */
        readonly device:
          | {
              readonly kind: "cpu" | "cuda";
            }
          | {
              readonly kind: "invented";
              /** Compute capability of the invented GPU. */
              readonly capability: "8.0" | "8.9" | "9.0" | "10.0";
            };
      };
      readonly inputs: { readonly checkpoint: Input; readonly answers?: Input };
      readonly outputs: "status";
    };
    synthetic_coco: {
      readonly params: {
        readonly train_images: number;
        readonly val_images: number;
        readonly captions_per_image: number;
        readonly seed: number;
      };
      readonly inputs: Readonly<Record<string, never>>;
      readonly outputs: "annotations_train" | "annotations_val" | "images";
    };
    table_sample: {
      readonly params: {
        /** parquet: a file, or the *.parquet files of a folder; hugging_face: a folder that the library datasets saved, or a clone of a data set of the hub. */
        readonly kind: "parquet" | "hugging_face";
        /** A file, or a folder of them. */
        readonly place: "file" | "folder";
        /** Of hugging_face; null: the folder has one data set without splits. */
        readonly split: string | null;
        /** The field of a record that has the text, or the messages of a chat. */
        readonly content: {
          readonly field?: string;
          readonly messages?: string;
        };
        /** Samples for calibration; subsets are the first of them. */
        readonly samples: number;
        /** Which samples calibration has, and in which order. */
        readonly seed: number;
        /** Samples of each subset. */
        readonly sizes: {
          readonly small: number;
          readonly medium: number;
          readonly large: number;
        };
        /** Three sets that share no text and no image with calibration or each other. */
        readonly held_out: {
          /** Which samples are in which set. */
          readonly seed: number;
          readonly sizes: {
            readonly search: number;
            readonly confirm: number;
            readonly report: number;
          };
        };
        /** How batches are made of calibration samples: one a row, or all of them one after the other, cut into rows of one length. */
        readonly rows: "one" | "packed";
        /** A row without text fails, or is left out and counted. */
        readonly empty_rows: "refuse" | "skip";
      };
      readonly inputs:
        | { readonly file: Input; readonly folder?: never }
        | { readonly file?: never; readonly folder: Input };
      readonly outputs:
        "calibration" | "small" | "medium" | "large" | "search" | "confirm" | "report";
    };
    text_sample: {
      readonly params: {
        /** lines: a sample a line; json_lines: an object a line; image_text: images with captions beside them. */
        readonly kind: "lines" | "json_lines" | "image_text";
        /** A file, or a folder of them. */
        readonly place: "file" | "folder";
        /** Of json_lines: the field of an object that has the text, or the messages of a chat; of image_text: the field of a caption in metadata.jsonl. null of lines. */
        readonly content: null | {
          readonly field?: string;
          readonly messages?: string;
        };
        /** Samples for calibration; subsets are the first of them. */
        readonly samples: number;
        /** Which samples calibration has, and in which order. */
        readonly seed: number;
        /** Samples of each subset. */
        readonly sizes: {
          readonly small: number;
          readonly medium: number;
          readonly large: number;
        };
        /** Three sets that share no text and no image with calibration or each other. */
        readonly held_out: {
          /** Which samples are in which set. */
          readonly seed: number;
          readonly sizes: {
            readonly search: number;
            readonly confirm: number;
            readonly report: number;
          };
        };
        /** How batches are made of calibration samples: one a row, or all of them one after the other, cut into rows of one length. */
        readonly rows: "one" | "packed";
        /** A row without text fails, or is left out and counted. */
        readonly empty_rows: "refuse" | "skip";
      };
      readonly inputs:
        | { readonly file: Input; readonly folder?: never }
        | { readonly file?: never; readonly folder: Input };
      readonly outputs:
        "calibration" | "small" | "medium" | "large" | "search" | "confirm" | "report";
    };
    tiny_checkpoint: {
      readonly params: {
        readonly family:
          | "qwen3_vl"
          | "qwen2_5_vl"
          | "llava"
          | "gemma3"
          | "llama"
          | "mistral"
          | "qwen3"
          | "gemma3_text"
          | "phi3"
          | "qwen3_moe"
          | "mixtral";
        readonly seed: number;
      };
      readonly inputs: Readonly<Record<string, never>>;
      readonly outputs: "checkpoint";
    };
    tiny_vit: {
      readonly params: {
        readonly seed: number;
      };
      readonly inputs: Readonly<Record<string, never>>;
      readonly outputs: "checkpoint";
    };
    trained_checkpoint: {
      readonly params: {
        readonly family: "qwen3_vl";
        readonly seed: number;
        readonly steps: number;
        readonly batch_size: number;
        readonly learning_rate: number;
      };
      readonly inputs: Readonly<Record<string, never>>;
      readonly outputs: "checkpoint";
    };
    vit_scores: {
      readonly params: {
        /** A classifier has one part, and all of that part is scored. */
        readonly scope: "all_layers";
        readonly method: "kl_div";
        readonly format: {
          readonly name: string;
          /** ModelOpt's own form: quant_cfg as a list of rules, and the algorithm. */
          readonly config: object;
        };
        readonly dtype: "float32" | "bfloat16";
        /** Images a batch. */
        readonly batch_size: number;
        /** Images to score over, from the first; whole batches are used. */
        readonly score_size: number;
        /** Images to calibrate on, from the first; null: all. */
        readonly calibration_samples: number | null;
        readonly attention: "deterministic";
      };
      readonly inputs: {
        readonly checkpoint: Input;
        readonly database: Input;
        readonly images: Input;
      };
      readonly outputs: "scores";
    };
    weight_error_scores: {
      readonly params: {
        readonly scope: "lm" | "all_layers";
        readonly method: "squared_error";
        readonly format: {
          readonly name: string;
          readonly config: {
            /** Attributes of the pair's weight quantizer. */
            readonly weight: object;
          };
        };
        readonly dtype: "float32" | "bfloat16";
        /** Samples a batch. */
        readonly batch_size: number;
        /** Tokens a sample. */
        readonly sequence_length: number;
        /** Samples to run over, from the first; null: all. */
        readonly calibration_samples: number | null;
        readonly padding: "max_length" | "longest";
        readonly include_lm_head: boolean;
        readonly attention: "deterministic";
        /** Runs Python code that the checkpoint brings; absent: a checkpoint with code is refused. */
        readonly trust_remote_code?: true;
      };
      readonly inputs:
        | {
            readonly checkpoint: Input;
            readonly captions: Input;
            readonly database?: never;
            readonly images?: never;
          }
        | {
            readonly checkpoint: Input;
            readonly captions?: never;
            readonly database: Input;
            readonly images: Input;
          };
      readonly outputs: "scores";
    };
  }
}
