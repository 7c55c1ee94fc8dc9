#!/usr/bin/env bash
# A real Slurm for tests on one Debian machine, without systemd and on the loopback only: munged, slurmctld, and several
# slurmd that share the host, with devices that look like GPUs. Everything lies below one folder; nothing in /etc.
#
#   cluster.sh missing        prints the programs that are not there; nothing when Slurm can run
#   cluster.sh install        installs them with apt-get
#   cluster.sh up ROOT        starts the cluster below ROOT
#   cluster.sh start ROOT WHAT    starts slurmctld, or slurmd.n1, again
#   cluster.sh stop ROOT WHAT SIGNAL    ends one of them; a node with all that runs on it
#   cluster.sh down ROOT      cancels all jobs and stops the daemons, by their numbers
#
# up reads AQM_SLURM_NODES (2), AQM_SLURM_GPUS (2 for each node), AQM_SLURM_CONF (further lines of slurm.conf) and
# AQM_SLURM_MEMORY (1: jobs are held to their memory, by cgroups of version 1).
set -euo pipefail
PROGRAMS=(slurmctld slurmd sbatch squeue scancel munged)
command=${1:?"missing, install, up, start, stop or down"}
ROOT=${2:-}

missing() {
  local program
  for program in "${PROGRAMS[@]}"; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || echo "$program"
  done
  [[ $(id -u) == 0 ]] || echo "root, who starts slurmd"
}

install_packages() {
  local policy=/usr/sbin/policy-rc.d made=0
  # No package may start a daemon with the configuration of the machine.
  [[ -e $policy ]] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; }
  local code=0
  { apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge; } || code=$?
  (( made == 0 )) || rm -f $policy
  return $code
}

# The first of so many ports in a row that nobody listens on.
free_ports() {
  local first port
  while :; do
    first=$((20000 + RANDOM % 10000))
    for ((port = first; port < first + $1; port++)); do
      ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || continue 2
    done
    echo "$first"
    return
  done
}

write_configuration() {
  local nodes=${AQM_SLURM_NODES:-2} gpus=${AQM_SLURM_GPUS:-2} port
  port=$(free_ports $((nodes + 1)))
  local host; host=$(hostname -s)
  local range="n[1-$nodes]" ports="$((port + 1))-$((port + nodes))" devices="[0-$((gpus - 1))]"
  (( nodes > 1 )) || { range=n1; ports=$((port + 1)); }
  (( gpus > 1 )) || devices=0
  mkdir -p "$ROOT"/{etc,log,run,dev,munge,spool/ctld}
  chmod 755 "$ROOT"; chmod 711 "$ROOT/munge"
  local i
  for ((i = 1; i <= nodes; i++)); do mkdir -p "$ROOT/spool/n$i"; done
  # Only character devices get numbers in CUDA_VISIBLE_DEVICES: these are clones of /dev/null.
  for ((i = 0; i < gpus; i++)); do mknod "$ROOT/dev/nvidia$i" c 1 3; done
  local tasks=none resources=CR_Core
  if [[ ${AQM_SLURM_MEMORY:-} == 1 ]]; then
    tasks=cgroup resources=CR_Core_Memory
    printf '%s\n' CgroupPlugin=cgroup/v1 CgroupMountpoint=/sys/fs/cgroup CgroupAutomount=no ConstrainRAMSpace=yes \
      >"$ROOT/etc/cgroup.conf"
  fi
  head -c 1024 /dev/urandom >"$ROOT/munge/munge.key"; chmod 400 "$ROOT/munge/munge.key"
  cat >"$ROOT/etc/slurm.conf" <<CONF
ClusterName=aqm
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$ROOT/munge/munge.sock,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$ROOT/spool/ctld
SlurmdSpoolDir=$ROOT/spool/%n
SlurmctldPidFile=$ROOT/run/slurmctld.pid
SlurmdPidFile=$ROOT/run/slurmd.%n.pid
SlurmctldLogFile=$ROOT/log/slurmctld.log
SlurmdLogFile=$ROOT/log/slurmd.%n.log
SlurmctldDebug=info
SlurmdDebug=info
ProctrackType=proctrack/linuxproc
TaskPlugin=task/$tasks
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
GresTypes=gpu
SelectType=select/cons_tres
SelectTypeParameters=$resources
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,batch_sched_delay=0,sched_interval=5
SlurmdParameters=config_overrides
KillWait=2
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
JobCompType=jobcomp/filetxt
JobCompLoc=$ROOT/log/jobs.log
AccountingStorageType=accounting_storage/none
NodeName=$range NodeHostname=$host NodeAddr=127.0.0.1 Port=$ports CPUs=8 Boards=1 SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=1024 Gres=gpu:$gpus
PartitionName=gpu Nodes=$range Default=YES MaxTime=INFINITE State=UP
${AQM_SLURM_CONF:-}
CONF
  printf '%s\n' "AutoDetect=off" "NodeName=$range Name=gpu Count=$gpus File=$ROOT/dev/nvidia$devices" >"$ROOT/etc/gres.conf"
}

start() { # name: its process goes on without this script, and its number is written down
  local name=$1
  local -a program
  case $name in
    munged) program=(munged -F -f --key-file="$ROOT/munge/munge.key" --socket="$ROOT/munge/munge.sock"
      --pid-file="$ROOT/munge/munged.pid" --log-file="$ROOT/log/munged.log" --seed-file="$ROOT/munge/munged.seed") ;;
    slurmctld) program=(slurmctld -D -f "$SLURM_CONF") ;;
    slurmd.*) program=(slurmd -D -N "${name#slurmd.}" -f "$SLURM_CONF") ;;
  esac
  # Of the shell that starts a daemon nothing may reach the jobs.
  env -i PATH="$PATH" SLURM_CONF="$SLURM_CONF" setsid "${program[@]}" >>"$ROOT/log/$name.out" 2>&1 </dev/null &
  echo $! >"$ROOT/run/$name.started"
}

work_of() { # node: the jobs that run there, and who watches over them
  local environ pid
  for environ in /proc/[0-9]*/environ; do
    { tr '\0' '\n' <"$environ" | grep -cxE "SLURMD_NODENAME=$1|SLURM_CONF=$SLURM_CONF" | grep -qx 2; } 2>/dev/null || continue
    pid=${environ//[!0-9]/}
    ps -o args= -p "$(ps -o ppid= -p "$pid" | tr -d ' ')" | grep -q '^slurmstepd' && ps -o ppid= -p "$pid"
    below "$pid"
  done
}

below() { # pid: it and all that it started
  echo "$1"
  local child
  for child in $(ps -o pid= --ppid "$1"); do below "$child"; done
}

is_running() {
  [[ -e /proc/$1 ]] && [[ $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) != Z ]]
}

stop() { # name signal
  local name=$1 signal=${2:-TERM} pid
  [[ -f $ROOT/run/$name.started ]] || return 0
  pid=$(<"$ROOT/run/$name.started")
  # What a node runs dies with it.
  local -a all=("$pid")
  [[ $name != slurmd.* || $signal != KILL ]] || mapfile -t -O 1 all < <(work_of "${name#slurmd.}")
  kill -"$signal" "${all[@]}" 2>/dev/null || true
  for _ in $(seq 200); do is_running "$pid" || return 0; sleep 0.05; done
  kill -KILL "$pid" 2>/dev/null || true
}

until_ok() { # what command...
  local what=$1; shift
  local _
  for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
  echo "$what did not come up" >&2
  tail -n 15 "$ROOT"/log/*.log "$ROOT"/log/*.out >&2 || true
  return 1
}

idle() { [[ $(sinfo -h -N -o '%N %T' | sort -u | grep -c ' idle$') == "${AQM_SLURM_NODES:-2}" ]]; }

export PATH=$PATH:/usr/sbin
export SLURM_CONF=$ROOT/etc/slurm.conf
case $command in
  missing) missing ;;
  install)
    [[ -z $(missing) ]] || install_packages || true
    lacking=$(missing)
    [[ -z $lacking ]] || { echo "Slurm cannot run here: no $(echo $lacking)" >&2; exit 1; }
    ;;
  up)
    write_configuration
    trap '[[ $? == 0 ]] || bash "$0" down "$ROOT"' EXIT
    start munged
    until_ok munged sh -c "munge -S '$ROOT/munge/munge.sock' -n </dev/null | unmunge -S '$ROOT/munge/munge.sock'"
    start slurmctld
    until_ok slurmctld sh -c "scontrol ping | grep -q UP"
    for ((i = 1; i <= ${AQM_SLURM_NODES:-2}; i++)); do start "slurmd.n$i"; done
    until_ok "all nodes" idle
    ;;
  start) start "$3" ;;
  stop) stop "$3" "${4:-TERM}" ;;
  down)
    timeout 10 squeue -h -o %A 2>/dev/null | sort -u | xargs -r timeout 10 scancel 2>/dev/null || true
    for _ in $(seq 100); do [[ -z $(timeout 5 squeue -h 2>/dev/null) ]] && break; sleep 0.1; done
    for started in "$ROOT"/run/slurmd.*.started; do name=${started##*/}; stop "${name%.started}"; done
    stop slurmctld
    stop munged
    [[ ! -e $ROOT/etc/cgroup.conf ]] || rmdir /sys/fs/cgroup/memory/slurm_n[0-9]* 2>/dev/null || true
    rm -rf "$ROOT"
    ;;
esac
