// Made by `node scripts/served-formats.mjs`, which asks the real vLLM; run that, do not edit this.
import type { ServedForms } from "./served-answer.ts";

export const SERVED: ServedForms = {
  vllm: "0.33.0",
  model: "qwen3_vl_trained",
  forms: [
    {
      exported: "modelopt",
      weights: "nvfp4 with a scale a block of 16",
      activations: "in high precision",
      label: "W4A16_NVFP4",
      pair: "wfp4_afp16",
      obtained: "not run: NVFP4 needs a CUDA device",
      devices: null,
    },
    {
      exported: "compressed_tensors",
      weights: "nvfp4 with a scale a block of 16",
      activations: "in high precision",
      label: null,
      pair: "wfp4_afp16",
      obtained: "by the library alone",
      devices: {
        cpu: {
          status: "not checked",
          level: null,
          reason:
            "vLLM has no kernel for it on a CPU (ValueError: Forced NVFP4 kernel MarlinNvFp4LinearKernel is not supported: Marlin FP4 not available)",
        },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "compressed_tensors",
      weights: "fp8 with a scale a tensor",
      activations: "in high precision",
      label: null,
      pair: "wfp8_afp16",
      obtained: "exported",
      devices: {
        cpu: {
          status: "not checked",
          level: null,
          reason:
            "vLLM has no kernel for it on a CPU (ValueError: Failed to find a kernel that can implement the ScaledMM linear layer. Reasons:)",
        },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "modelopt",
      weights: "fp8 with a scale a tensor",
      activations: "fp8 with a scale a tensor",
      label: "FP8",
      pair: "wfp8_afp8",
      obtained: "exported",
      devices: {
        cpu: { status: "loads strictly (not run)", level: null, reason: null },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "compressed_tensors",
      weights: "fp8 with a scale a tensor",
      activations: "fp8 with a scale a tensor",
      label: null,
      pair: "wfp8_afp8",
      obtained: "exported",
      devices: {
        cpu: { status: "loads strictly (not run)", level: null, reason: null },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "modelopt",
      weights: "int4 with a scale a block of 128",
      activations: "in high precision",
      label: "W4A16_AWQ",
      pair: "wint4_afp16",
      obtained: "exported",
      devices: {
        cpu: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm80: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm89: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm90: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm100: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
      },
    },
    {
      exported: "compressed_tensors",
      weights: "int4 with a scale a block of 128",
      activations: "in high precision",
      label: null,
      pair: "wint4_afp16",
      obtained: "exported",
      devices: {
        cpu: { status: "loads strictly (not run)", level: null, reason: null },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "compressed_tensors",
      weights: "int4 with a scale a block of 64",
      activations: "in high precision",
      label: null,
      pair: "wint4_afp16",
      obtained: "exported",
      devices: {
        cpu: { status: "loads strictly (not run)", level: null, reason: null },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "compressed_tensors",
      weights: "int4 with a scale a row",
      activations: "in high precision",
      label: null,
      pair: "wint4_afp16",
      obtained: "exported",
      devices: {
        cpu: { status: "loads strictly (not run)", level: null, reason: null },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "modelopt",
      weights: "int8 with a scale a row",
      activations: "in high precision",
      label: "W8A16",
      pair: "wint8_afp16",
      obtained: "exported",
      devices: {
        cpu: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm80: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm89: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm90: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm100: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
      },
    },
    {
      exported: "compressed_tensors",
      weights: "int8 with a scale a row",
      activations: "in high precision",
      label: null,
      pair: "wint8_afp16",
      obtained: "exported",
      devices: {
        cpu: {
          status: "not checked",
          level: null,
          reason:
            "vLLM has no kernel for it on a CPU (ValueError: Failed to find a kernel that can implement the WNA16 linear layer. Reasons: Dynamic4bitLinearKernel cannot implement due to: Unsupported quant type uint8b128 ZentorchWNA16LinearKernel cannot i",
        },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
    {
      exported: "modelopt",
      weights: "int8 with a scale a row",
      activations: "int8 with a scale a tensor",
      label: "W8A8_SQ_PER_CHANNEL",
      pair: "wint8_aint8",
      obtained: "exported",
      devices: {
        cpu: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm80: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm89: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm90: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
        sm100: {
          status: "rejected",
          level: 2,
          reason:
            "ValidationError: 1 validation error for VllmConfig Value error, ModelOpt currently only supports: ['FP8', 'FP8_PER_CHANNEL_PER_TOKEN', 'FP8_PB_WO', 'NVFP4', 'W4A16_NVFP4', 'MXFP8', 'MIXED_PRECISION'] quantizations in vLLM. Please check the ",
        },
      },
    },
    {
      exported: "compressed_tensors",
      weights: "int8 with a scale a row",
      activations: "int8 with a scale a tensor",
      label: null,
      pair: "wint8_aint8",
      obtained: "exported",
      devices: {
        cpu: { status: "loads strictly (not run)", level: null, reason: null },
        sm80: { status: "loads strictly (not run)", level: null, reason: null },
        sm89: { status: "loads strictly (not run)", level: null, reason: null },
        sm90: { status: "loads strictly (not run)", level: null, reason: null },
        sm100: { status: "loads strictly (not run)", level: null, reason: null },
      },
    },
  ],
};
