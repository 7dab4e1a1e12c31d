# The first process of a room (room.rs): makes it ready, then runs the program. When it ends, the kernel ends everything in here.
set -e

# What is written by fixed names is written where nobody else sees it.
for folder in /run /var/lib /var/log; do mount -t tmpfs room "$folder"; done

# The kubelet sets these for the whole machine; what it finds as it wants it, it leaves.
mkdir "$TENANTRY_NODE_ROOM/settings"
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    name=${setting%=*}
    file="$TENANTRY_NODE_ROOM/settings/$(echo "$name" | tr / -)"
    echo "${setting#*=}" >"$file"
    if [ -e "/proc/sys/$name" ]; then mount --bind "$file" "/proc/sys/$name"; fi
done

# A cgroup of our own in each hierarchy, or in the only one.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$TENANTRY_NODE_CGROUP"
else
    for hierarchy in /sys/fs/cgroup/*/; do
        if [ -e "$hierarchy/cgroup.procs" ]; then mkdir -p "$hierarchy/$TENANTRY_NODE_CGROUP"; fi
    done
    for file in cpuset.cpus cpuset.mems; do
        if [ -e "/sys/fs/cgroup/cpuset/$file" ]; then
            cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$TENANTRY_NODE_CGROUP/$file"
        fi
    done
fi

# A network without a way out; the route lets processes of the node use addresses of Services.
ip link set lo up
ip link add node0 type veth peer name node0p
ip address add 10.200.0.1/24 dev node0
ip link set node0 up
ip link set node0p up
ip route add 10.96.0.0/12 dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward

# Programs of the node find names as pods do. Where this is a link into /run, it leads into a folder of our own.
resolver=$(readlink -m /etc/resolv.conf)
case "$resolver" in /run/*)
    mkdir -p "${resolver%/*}"
    : >"$resolver"
    ;;
esac
printf 'nameserver %s\nsearch svc.cluster.local cluster.local\noptions ndots:5\n' "$TENANTRY_NODE_DNS" >"$TENANTRY_NODE_ROOM/names"
if [ -e "$resolver" ]; then mount --bind "$TENANTRY_NODE_ROOM/names" "$resolver"; fi

# Not by exec: the first process must outlive orphans and answer for them.
status=0
"$0" "$@" || status=$?
exit "$status"
