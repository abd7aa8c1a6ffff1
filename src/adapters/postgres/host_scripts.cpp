// What is done on a server's host. One script per operation, because one ssh round trip per
// operation is all that a recovery should pay.
//
// Who is a server process is answered by the kernel, not by postmaster.pid: every PostgreSQL
// process has the data directory as its working directory, also a backend whose postmaster was
// killed. `-ef` compares device and inode, so links and renames do not matter. A child forked while
// the list of processes is read can be missed once; once the postmaster is gone nobody forks, so
// two empty readings in a row are the proof.

#include "adapters/postgres/host_scripts.h"

namespace muster::adapters::host_scripts {
namespace {

constexpr const char* kPrelude = R"sh(
set -u
LC_ALL=C
export LC_ALL
umask 077
fail() { code=$1; shift; echo "$*" >&2; exit "$code"; }
data=$1
bin=$2
shift 2
me=$(id -u)
)sh";

// A script outlives a muster that was killed; a resumed rebuild must not work beside it.
constexpr const char* kAlone = R"sh(
if [ -w "$(dirname "$data")" ]; then
    exec 9>"$data.muster-lock"
    flock -n 9 || fail 73 "another rebuild of $data is under way"
fi
)sh";

// pg_rewind copies every file of the source that is not a table's, so also what configures it.
constexpr const char* kRestoreFolder = R"sh(
restore_folder() {
    [ -d "$1/conf.d" ] || return 0
    rm -rf "$2/conf.d" && cp -Rp "$1/conf.d" "$2/conf.d"
}
)sh";

constexpr const char* kRecoverSwap = R"sh(
if ! [ -d "$data" ]; then
    if [ -d "$data.muster-rewind" ]; then
        : >"$data.muster-rewind/standby.signal" && sync "$data.muster-rewind/standby.signal"
        for f in postgresql.conf pg_hba.conf pg_ident.conf postgresql.auto.conf muster.kept; do
            if [ -f "$data.muster-saved/$f" ]; then
                cp -p "$data.muster-saved/$f" "$data.muster-rewind/$f"
            fi
        done
        restore_folder "$data.muster-saved" "$data.muster-rewind" || exit 1
        mv "$data.muster-rewind" "$data"
    elif [ -d "$data.muster-old" ]; then
        mv "$data.muster-old" "$data"
    fi
fi
[ -d "$data" ] || fail 66 "there is no directory $data"
)sh";

constexpr const char* kGuards = R"sh(
[ -d "$data" ] || fail 66 "there is no directory $data"
[ -f "$data/PG_VERSION" ] || fail 66 "$data is no PostgreSQL data directory"
[ "$me" = 0 ] || [ -O "$data" ] ||
    fail 67 "user $(id -un) does not own $data and cannot see or stop its processes"
read -r version <"$data/PG_VERSION"
)sh";

constexpr const char* kFunctions = R"sh(
scan() {
    found=
    for p in /proc/[0-9]*; do
        [ "$p/cwd" -ef "$data" ] || continue
        { read -r name <"$p/comm"; } 2>/dev/null || continue
        case $name in *postgres* | *postmaster*) found="$found ${p#/proc/}" ;; esac
    done
}
find_main() {
    main=
    state=
    for p in $found; do
        { read -r _ _ its_state parent _ <"/proc/$p/stat"; } 2>/dev/null || continue
        case "$found " in *" $parent "*) continue ;; esac
        main=$p
        state=$its_state
        break
    done
}
is_frozen() {
    case $state in T | t) return 0 ;; esac
    { while IFS=: read -r id _ path; do
        [ "$id" = 0 ] && grep -qs '^frozen 1' "/sys/fs/cgroup$path/cgroup.events" && return 0
    done <"/proc/$main/cgroup"; } 2>/dev/null
    return 1
}
find_tool() {
    for d in "$bin" "/usr/lib/postgresql/$version/bin" "/usr/pgsql-$version/bin"; do
        if [ -n "$d" ] && [ -x "$d/$1" ]; then
            tool=$d/$1
            return 0
        fi
    done
    tool=$(command -v "$1") && return 0
    tool=$(pg_config --bindir 2>/dev/null)/$1
    [ -x "$tool" ] || fail 72 "$1 of PostgreSQL $version was not found; set bin"
}
read_epoch() {
    have=0
    if [ -s "$data/muster.epoch" ]; then
        read -r have <"$data/muster.epoch" || :
    fi
    case $have in '' | *[!0-9]*) fail 70 "$data/muster.epoch holds no number" ;; esac
}
check_epoch() {
    read_epoch
    [ "$have" -le "$1" ] || fail 65 "$data has seen epoch $have, this call carries $1"
}
put() {
    { printf '%s\n' "$2" >"$data/$1.muster-new"; } 2>/dev/null || return 1
    if [ "$me" = 0 ]; then
        chown "$(stat -c %u:%g "$data")" "$data/$1.muster-new" || return 1
    fi
    mv -f "$data/$1.muster-new" "$data/$1"
}
tell() {
    scan
    process=stopped
    if [ -n "$found" ]; then
        find_main
        process=running
        if is_frozen; then process=frozen; fi
        echo "pid=$main"
    fi
    echo "process=$process"
    echo "newest=$(ls -t "$data/pg_wal" | grep -E '^[0-9A-F]{24}$' | head -n 1)"
    read_epoch
    echo "epoch=$have"
    if [ -f "$data/standby.signal" ]; then echo "signal=yes"; fi
    if [ -f "$data/backup_label" ]; then echo "copy=yes"; fi
    (
        find_tool pg_controldata
        "$tool" "$data"
        [ "$process" != running ] || exit 0
        newest=$(ls -t "$data/pg_wal" | grep -E '^[0-9A-F]{24}$' | head -n 1)
        [ -n "$newest" ] || exit 0
        find_tool pg_waldump
        echo "end=$(timeout 1 "$tool" -q -p "$data/pg_wal" "$newest" 2>&1 | tail -n 1)"
    ) || :
}
)sh";

constexpr const char* kFence = R"sh(
epoch=$1
mode=$2
ticks=$3
check_epoch "$epoch"
unmarked=
put muster.epoch "$epoch" || unmarked=muster.epoch
put standby.signal "" || { : >"$data/standby.signal"; } 2>/dev/null || unmarked=standby.signal
wait_gone() {
    n=0
    while [ -n "$found" ] && { [ "$1" = 0 ] || [ "$n" -lt "$1" ]; }; do
        sleep 0.005
        n=$((n + 1))
        scan
    done
}
scan
if [ -n "$found" ]; then
    find_main
    if is_frozen; then mode=kill; fi
    case $mode in
        fast) kill -INT "$main" && wait_gone "$ticks" ;;
        immediate) kill -QUIT "$main" && wait_gone "$ticks" ;;
    esac 2>/dev/null
    n=0
    while [ -n "$found" ] && [ "$n" -lt 200 ]; do
        kill -KILL "$main" $found 2>/dev/null
        sleep 0.003
        n=$((n + 1))
        scan
    done
fi
[ -n "$found" ] || scan
[ -z "$found" ] || fail 68 "processes$found still run on $data"
[ -z "$unmarked" ] || fail 71 "the server is stopped, but $data/$unmarked could not be written"
timeout 1 sync "$data/standby.signal" "$data/muster.epoch" "$data" 2>/dev/null ||
    echo "unsynced=yes"
tell
)sh";

constexpr const char* kClaim = R"sh(
check_epoch "$1"
put muster.epoch "$1" || fail 1 "cannot write $data/muster.epoch"
)sh";

constexpr const char* kHistory = R"sh(
cat "$data/pg_wal/$1.history"
)sh";

constexpr const char* kStart = R"sh(
seconds=$1
scan
if [ -n "$found" ]; then
    echo "process=running"
    exit 0
fi
[ "$me" != 0 ] || fail 67 "PostgreSQL refuses to run as root; set run_as to the owner of $data"
options=
log=$data/server.log
if ! [ -f "$data/postgresql.conf" ]; then
    cluster=${data##*/}
    config=/etc/postgresql/$version/$cluster/postgresql.conf
    [ -f "$config" ] || fail 66 "neither $data/postgresql.conf nor $config is there"
    options="-c config_file=$config"
    logs=/var/log/postgresql
    if [ -w "$logs" ]; then log=$logs/postgresql-$version-$cluster.log; fi
fi
find_tool pg_ctl
if ! "$tool" start -w -s -t "$seconds" -D "$data" -l "$log" -o "$options"; then
    tail -n 3 "$log" >&2
    exit 1
fi
)sh";

constexpr const char* kWalStats = R"sh(
find_tool pg_waldump
"$tool" --stats=record -p "$data/pg_wal" -t "$1" -s "$2"
exit 0
)sh";

// "COMMIT 2026-11-21 05:08:28.123456 UTC; …", "COMMIT_PREPARED 734: 2026-11-21 …".
constexpr const char* kCommits = R"sh(
find_tool pg_waldump
# For a segment that is not there the tool itself waits 5 s.
{
    TZ=UTC timeout 20 "$tool" -r Transaction -p "$data/pg_wal" -t "$1" -s "$2" 2>&1
    [ $? != 124 ] || echo "could not find the end in time"
} | awk '
    /could not (find|locate|open) / { missing = 1 }
    /desc: COMMIT/ && match($0, /[0-9]+-[0-9]+-[0-9]+ [0-9]+:[0-9]+:[0-9.]+/) {
        last = substr($0, RSTART, RLENGTH)
        if (!commits++) first = last
    }
    END { print "commits=" commits + 0; print "first=" first; print "last=" last
          if (missing && !commits) print "missing=yes" }'
)sh";

// Rows, where the record tells how many; the names are looked up by who can.
constexpr const char* kRelations = R"sh(
find_tool pg_waldump
timeout 60 "$tool" -p "$data/pg_wal" -t "$1" -s "$2" -e "$3" 2>/dev/null | awk '
    /^rmgr: Heap / && /desc: (INSERT|DELETE|UPDATE|HOT_UPDATE)/ ||
    /^rmgr: Heap2/ && /MULTI_INSERT/ {
        if (!match($0, /rel [0-9]+\/[0-9]+\/[0-9]+/)) next
        relation = substr($0, RSTART + 4, RLENGTH - 4)
        rows = 1
        if (match($0, /[0-9]+ tuples/)) rows = substr($0, RSTART, RLENGTH) + 0
        else if (match($0, /ntuples: [0-9]+/)) rows = substr($0, RSTART + 9, RLENGTH - 9) + 0
        count[relation] += rows
    }
    END { for (relation in count) print count[relation], relation }' | sort -rn | head -n 200
exit 0
)sh";

constexpr const char* kFirstRecord = R"sh(
find_tool pg_waldump
TZ=UTC "$tool" -p "$data/pg_wal" -t "$1" -s "$2" -n 1 2>/dev/null
exit 0
)sh";

constexpr const char* kSums = R"sh(
first=$1
last=$2
cd "$data/pg_wal" || fail 66 "no $data/pg_wal"
for f in $(ls | grep -E '^[0-9A-F]{24}$' | sort); do
    case $f in ${first%????????????????}*) ;; *) continue ;; esac
    if [ "$f" = "$first" ]; then inside=yes; fi
    [ "${inside:-no}" = no ] || echo "$(sha256sum "$f") $(stat -c %s "$f")"
    if [ "$f" = "$last" ]; then exit 0; fi
done
fail 66 "segments $first to $last are not all in $data/pg_wal"
)sh";

constexpr const char* kKeep = R"sh(
artefact=$1
note=$2
new=$artefact.new
rm -rf "$new" && mkdir -p "$new" || fail 69 "cannot make $new"
cat >"$new/manifest.json"
tr ',' '\n' <"$new/manifest.json" | sed -n 's/.*"sha256":"\([0-9a-f]*\)".*/\1/p' >"$new/.sums"
tr ',' '\n' <"$new/manifest.json" | sed -n 's/.*"name":"\([0-9A-F]*\)".*/\1/p' >"$new/.names"
paste -d ' ' "$new/.sums" "$new/.names" | sed 's/ /  /' >"$new/SHA256SUMS"
while read -r f; do
    cp "$data/pg_wal/$f" "$new/$f" || fail 1 "cannot copy $f to $new"
done <"$new/.names"
rm -f "$new/.sums" "$new/.names"
sync "$new"/* "$new" || fail 1 "cannot make $new durable"
for f in "$new"/*; do
    dd if="$f" iflag=nocache count=0 2>/dev/null
done
(cd "$new" && sha256sum -c --quiet SHA256SUMS) ||
    fail 70 "the copies in $new differ from the originals"
rm -rf "$artefact" && mv "$new" "$artefact" && sync "$(dirname "$artefact")" || exit 1
put muster.kept "$note" || fail 1 "cannot write $data/muster.kept"
sync "$data/muster.kept" "$data"
)sh";

constexpr const char* kVerifyKept = R"sh(
note=$1
[ -f "$data/muster.kept" ] || fail 69 "nothing was kept of what only $data has"
read -r kept <"$data/muster.kept"
case $kept in "$note "*) ;; *) fail 69 "$data/muster.kept is of another divergence: $kept" ;; esac
artefact=${kept#"$note "}
[ -f "$artefact/manifest.json" ] || fail 69 "the artefact $artefact is gone"
(cd "$artefact" && sha256sum -c --quiet SHA256SUMS) || fail 70 "the artefact $artefact is damaged"
echo "$artefact"
)sh";

// What both ways of a rebuild share: the proof that nothing runs and that the directory is fenced.
constexpr const char* kRebuildGuards = R"sh(
epoch=$1
slot=$2
check_epoch "$epoch"
scan
[ -z "$found" ] || fail 69 "a server runs on $data"
[ -f "$data/standby.signal" ] || fail 69 "$data was not fenced: it has no standby.signal"
[ "$me" != 0 ] || fail 67 "PostgreSQL refuses to run as root; set run_as to the owner of $data"
read -r conninfo
settings=$(cat)
mine="postgresql.conf pg_hba.conf pg_ident.conf"
keys='^[[:space:]]*(primary_conninfo|primary_slot_name|recovery_target_timeline)[[:space:]]*='
write_settings() {
    { grep -vE "$keys" "$2" 2>/dev/null; printf '%s\n' "$settings"; } >"$1.muster-new" &&
        mv -f "$1.muster-new" "$1"
}
)sh";

constexpr const char* kConfigure = R"sh(
write_settings "$data/postgresql.auto.conf" "$data/postgresql.auto.conf" ||
    fail 1 "cannot write $data/postgresql.auto.conf"
put muster.epoch "$epoch" || fail 1 "cannot write $data/muster.epoch"
sync "$data/postgresql.auto.conf" "$data/muster.epoch" "$data"
)sh";

constexpr const char* kBaseBackup = R"sh(
new=$data.muster-new
old=$data.muster-old
[ -w "$(dirname "$data")" ] || fail 69 "a base backup needs to write beside $data"
for t in "$data"/pg_tblspc/*; do
    [ -e "$t" ] && fail 69 "$data has tablespaces: rebuild it by hand"
done
[ ! -L "$data/pg_wal" ] || fail 69 "$data/pg_wal is a link: rebuild it by hand"
find_tool pg_basebackup
rm -rf "$new"
"$tool" -D "$new" -X stream -c fast -S "$slot" -d "$conninfo" || exit 1
[ "$(cat "$new/PG_VERSION")" = "$version" ] || fail 69 "the primary runs another major version"
for f in $mine; do
    rm -f "$new/$f"
    if [ -f "$data/$f" ]; then cp -p "$data/$f" "$new/$f" || exit 1; fi
done
if [ -d "$data/conf.d" ]; then rm -rf "$new/conf.d" && cp -Rp "$data/conf.d" "$new/conf.d"; fi
rm -f "$new/muster.kept" "$new/server.log"
write_settings "$new/postgresql.auto.conf" "$data/postgresql.auto.conf" || exit 1
echo "$epoch" >"$new/muster.epoch" && : >"$new/standby.signal" || exit 1
sync "$new"/muster.epoch "$new"/standby.signal "$new"/postgresql.auto.conf "$new"
check_epoch "$epoch"
scan
[ -z "$found" ] || fail 69 "a server was started on $data meanwhile"
rm -rf "$old" && mv "$data" "$old" && mv "$new" "$data" || exit 1
sync "$(dirname "$data")"
)sh";

// pg_rewind lets a crashed server recover in single-user mode first, and that refuses a directory
// with standby.signal. Without the signal nobody must be able to start it as a primary: so it is
// moved aside for that time.
constexpr const char* kRewind = R"sh(
aside=$data.muster-rewind
[ -w "$(dirname "$data")" ] || fail 69 "a rewind needs to write beside $data"
find_tool pg_rewind
config=/etc/postgresql/$version/${data##*/}/postgresql.conf
saved=$data.muster-saved
rm -rf "$saved" && mkdir "$saved" || exit 1
for f in $mine postgresql.auto.conf muster.kept; do
    if [ -f "$data/$f" ]; then cp -p "$data/$f" "$saved/$f" || exit 1; fi
done
if [ -d "$data/conf.d" ]; then cp -Rp "$data/conf.d" "$saved/conf.d" || exit 1; fi
mv "$data" "$aside" || exit 1
rm -f "$aside/standby.signal"
if [ -f "$aside/postgresql.conf" ] || [ "$version" -lt 15 ]; then
    "$tool" -D "$aside" --source-server="$conninfo"
else
    "$tool" -D "$aside" --config-file="$config" --source-server="$conninfo"
fi
result=$?
echo "$epoch" >"$aside/muster.epoch" && : >"$aside/standby.signal" || exit 1
for f in $mine; do
    if [ -f "$saved/$f" ]; then cp -p "$saved/$f" "$aside/$f"; else rm -f "$aside/$f"; fi
done
restore_folder "$saved" "$aside" || exit 1
write_settings "$aside/postgresql.auto.conf" "$saved/postgresql.auto.conf" || exit 1
if [ "$result" != 0 ] && [ -f "$saved/muster.kept" ]; then
    cp -p "$saved/muster.kept" "$aside/muster.kept"
fi
[ "$result" != 0 ] || rm -f "$aside/muster.kept"
sync "$aside/muster.epoch" "$aside/standby.signal" "$aside/postgresql.auto.conf" "$aside"
mv "$aside" "$data" && rm -rf "$saved" && sync "$(dirname "$data")" || exit 1
exit "$result"
)sh";

constexpr const char* kDropOld = R"sh(
rm -rf "$data.muster-old" "$data.muster-saved" "$data.muster-lock"
)sh";

// A rebuild that was cut short may have left the directory aside. Whoever comes next finds it in
// its place, unless the rebuild still works: also the first steps of another run.
std::string back_in_place() {
    return R"sh(
if ! [ -d "$data" ] && { [ -d "$data.muster-rewind" ] || [ -d "$data.muster-old" ]; }; then
    (
)sh" + std::string(kAlone) +
           kRestoreFolder + kRecoverSwap + ") || exit $?\nfi\n";
}

Script make(std::string name, const std::string& body) {
    return Script{"muster-" + std::move(name),
                  kPrelude + back_in_place() + kGuards + kFunctions + body};
}

}  // namespace

Script inspect() {
    return make("inspect", "tell\n");
}
Script fence() {
    return make("fence", kFence);
}
Script claim() {
    return make("claim", kClaim);
}
Script history() {
    return make("history", kHistory);
}
Script start() {
    return make("start", kStart);
}
Script wal_stats() {
    return make("wal", kWalStats);
}
Script commits() {
    return make("commits", kCommits);
}
Script relations() {
    return make("relations", kRelations);
}
Script first_record() {
    return make("record", kFirstRecord);
}
Script sums() {
    return make("sums", kSums);
}
Script keep() {
    return make("keep", kKeep);
}
Script verify_kept() {
    return make("verify", kVerifyKept);
}
Script configure_standby() {
    return make("configure", std::string(kAlone) + kRebuildGuards + kConfigure);
}
Script base_backup() {
    return make("basebackup", std::string(kAlone) + kRebuildGuards + kBaseBackup);
}
Script rewind() {
    return make("rewind", std::string(kAlone) + kRebuildGuards + kRestoreFolder + kRewind);
}
Script recover_swap() {
    return Script{"muster-recover", std::string(kPrelude) + kAlone + kRestoreFolder + kRecoverSwap};
}
Script drop_old() {
    return make("drop", kDropOld);
}

}  // namespace muster::adapters::host_scripts
