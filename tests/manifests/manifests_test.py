"""Holds the manifests against each other and against the binaries, without a cluster.

Run by ctest: LEADLINE_BINARY_DIR has the daemons, kubectl (1.27 or newer) is on the PATH. Each rule is a
function that yields what is wrong; RulesTest breaks the manifests once for each and expects it to say so.
"""

import copy
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
BINARIES = pathlib.Path(os.environ["LEADLINE_BINARY_DIR"])
METRIC_GROUPS = {"custom.metrics.k8s.io", "external.metrics.k8s.io"}
IN_EVERY_IMAGE = {"libc6", "libgcc-s1", "libstdc++6"}  # apt itself needs them


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


def objects_in(yaml):
    """kubectl reads the YAML for us: an empty local patch prints it as JSON."""
    text = run("kubectl", "patch", "--local", "-f", "-", "--type=merge", "-p", "{}", "-o", "json", input=yaml).strip()
    found = []
    while text:
        value, end = json.JSONDecoder().raw_decode(text)
        found.append(value)
        text = text[end:].lstrip()
    return found


def build(folder):
    return objects_in(run("kubectl", "kustomize", str(folder)))


@functools.cache
def settings_of(daemon):
    """key -> default value, as --print-config says them."""
    needed = {"LEADLINE_PODS_FILE": "pods.yaml", "LEADLINE_TOKEN": "any"} if daemon == "adapter" else {}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADLINE_")}
    page = run(str(BINARIES / f"leadline-{daemon}"), "--print-config", env=clean | needed)
    return dict(re.findall(r"^(\w+): (.*?)(?:  #.*)?$", page, re.MULTILINE))


def packages_of(daemon):
    """Debian packages of the libraries that the daemon is linked with; what these need, apt brings."""
    binary = str(BINARIES / f"leadline-{daemon}")
    needed = re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", binary))
    packages = set()
    for name, library in re.findall(r"(\S+) => (/\S+)", run("ldd", binary)):
        if name not in needed:
            continue
        # dpkg may know the file by its place before /lib became a link to /usr/lib.
        places = {library, os.path.realpath(library), library.removeprefix("/usr"), "/usr" + library}
        answer = subprocess.run(["dpkg", "-S", *places], capture_output=True, text=True, check=False).stdout
        packages.add(answer.split(":")[0])
    return packages - IN_EVERY_IMAGE


def of_kind(objects, *kinds):
    return [one for one in objects if one["kind"] in kinds]


def named(objects, kind, name):
    return next(one for one in of_kind(objects, kind) if one["metadata"]["name"] == name)


def our_containers(objects):
    """(pod spec, container, daemon) of each container that runs a daemon of ours."""
    for workload in of_kind(objects, "Deployment", "StatefulSet"):
        pod = workload["spec"]["template"]["spec"]
        for container in pod.get("initContainers", []) + pod["containers"]:
            image = re.fullmatch(r"leadline/(\w+):(.+)", container["image"])
            if image:
                yield pod, container, image[1]


def roles(objects):
    for role in of_kind(objects, "Role", "ClusterRole"):
        for rule in role["rules"]:
            yield role["metadata"]["name"], rule


# --- Rules: what is wrong, a line each.


def least_privilege(objects):
    for name, rule in roles(objects):
        if "*" in rule["verbs"] or set(rule["verbs"]) & {"bind", "escalate", "impersonate"}:
            yield f"{name}: verbs {rule['verbs']}"
        if "*" in rule["apiGroups"] or ("*" in rule["resources"] and not set(rule["apiGroups"]) <= METRIC_GROUPS):
            yield f"{name}: {rule['apiGroups']} {rule['resources']}"
        if set(rule["resources"]) & {"secrets", "apiservices"} and rule["verbs"] != ["create"]:
            if not rule.get("resourceNames"):
                yield f"{name}: {rule['resources']} of any name"


def roles_are_bound_to_our_account_or_the_hpa(objects):
    for binding in of_kind(objects, "RoleBinding", "ClusterRoleBinding"):
        for subject in binding["subjects"]:
            account = f"{subject['kind']} {subject.get('namespace')}/{subject['name']}"
            if account not in ("ServiceAccount leadline/leadline-adapter",
                               "ServiceAccount kube-system/horizontal-pod-autoscaler"):
                yield f"{binding['metadata']['name']}: {account}"


def api_services_lead_to_the_adapter(objects):
    for api in of_kind(objects, "APIService"):
        name, spec = api["metadata"]["name"], api["spec"]
        if name != f"{spec['version']}.{spec['group']}":
            yield f"{name}: is {spec['version']} of {spec['group']}"
        if spec.get("insecureSkipTLSVerify") or "caBundle" in spec:
            yield f"{name}: the adapter writes the caBundle"
        service = named(objects, "Service", spec["service"]["name"])
        if spec["service"]["port"] not in [port["port"] for port in service["spec"]["ports"]]:
            yield f"{name}: no port {spec['service']['port']} at its Service"


def the_adapter_may_write_exactly_our_api_services(objects):
    written = {name for _, rule in roles(objects) if rule["resources"] == ["apiservices"]
               for name in rule["resourceNames"]}
    ours = {api["metadata"]["name"] for api in of_kind(objects, "APIService")}
    if written != ours:
        yield f"may write {sorted(written)}, ours are {sorted(ours)}"


def selectors_and_ports_meet(objects):
    pod = named(objects, "Deployment", "leadline-adapter")["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    ports = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    service = named(objects, "Service", "leadline-adapter")["spec"]
    policy = named(objects, "NetworkPolicy", "leadline-adapter")["spec"]
    budget = named(objects, "PodDisruptionBudget", "leadline-adapter")["spec"]
    for selector in (service["selector"], policy["podSelector"]["matchLabels"], budget["selector"]["matchLabels"]):
        if not selector.items() <= labels:
            yield f"{selector} selects no adapter"
    if {port["targetPort"] for port in service["ports"]} != ports:
        yield "the Service does not lead to every port of the adapter"
    if {port["port"] for rule in policy["ingress"] for port in rule["ports"]} != ports:
        yield "the NetworkPolicy does not let in to every port of the adapter"
    if int(settings_of("sidecar")["listen_port"]) not in [
            port["port"] for rule in policy["egress"] for port in rule["ports"]]:
        yield "the NetworkPolicy does not let the adapter reach sidecars"


def serves_keda(objects):
    """As the adapter decides it: where it has a certificate for KEDA."""
    return any(variable["name"] == "LEADLINE_KEDA_TLS_CERT_FILE" for _, container, daemon in our_containers(objects)
               if daemon == "adapter" for variable in container["env"])


def the_door_for_keda_is_mutual_tls(objects):
    """With its files in a Secret that is mounted, and a configuration that the binary takes."""
    for pod, container, daemon in our_containers(objects):
        settings = {one["name"]: one.get("value") for one in container.get("env", []) if "_KEDA_" in one["name"]}
        if daemon != "adapter" or not settings:
            continue
        places = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", [])}
        secrets = {volume["name"] for volume in pod.get("volumes", []) if "secret" in volume}
        for name, value in settings.items():
            if name.endswith("_FILE") and places.get(os.path.dirname(value)) not in secrets:
                yield f"{name}: {value} is in no Secret"
        needed = {"LEADLINE_PODS_FILE": "pods.yaml", "LEADLINE_TOKEN": "any"}
        checked = subprocess.run([str(BINARIES / "leadline-adapter"), "--check-config"], env=needed | settings,
                                 capture_output=True, text=True, timeout=60, check=False)
        if checked.returncode != 0 or "LEADLINE_KEDA_INSECURE" in settings:
            yield f"{settings}: {checked.stderr}"


def ports_are_the_binaries_own(objects):
    keys = {"adapter": {"https": "api_listen_port", "metrics": "metrics_listen_port"},
            "sidecar": {"leadline": "listen_port"}}
    if serves_keda(objects):
        keys["adapter"]["keda"] = "keda_listen_port"
    for _, container, daemon in our_containers(objects):
        settings = settings_of(daemon)
        said = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
        meant = {name: settings[key] for name, key in keys[daemon].items()}
        if said != meant:
            yield f"{container['name']}: ports {said}, the binary's are {meant}"


def variables_are_known(objects):
    for _, container, daemon in our_containers(objects):
        known = {f"LEADLINE_{key.upper()}" for key in settings_of(daemon)}
        for variable in container.get("env", []):
            if variable["name"] not in known:
                yield f"{container['name']}: {variable['name']}"


def the_adapter_has_time_to_drain(objects):
    settings = settings_of("adapter")
    for pod, container, daemon in our_containers(objects):
        if daemon != "adapter":
            continue
        given = {one["name"]: one.get("value") for one in container["env"]}
        delay = int(given.get("LEADLINE_SHUTDOWN_DELAY_MS", settings["shutdown_delay_ms"]))
        needed = (delay + int(settings["drain_grace_ms"])) / 1000
        if delay < 10_000 or pod["terminationGracePeriodSeconds"] <= needed:
            yield f"delay {delay} ms, needs {needed} s of {pod['terminationGracePeriodSeconds']} s"


def daemons_are_restricted(objects):
    for pod, container, _ in our_containers(objects):
        has = pod.get("securityContext", {}) | container["securityContext"]
        if not (has.get("runAsNonRoot") and has.get("runAsUser") == 65532 and has.get("readOnlyRootFilesystem")
                and has.get("allowPrivilegeEscalation") is False and has.get("capabilities") == {"drop": ["ALL"]}
                and has.get("seccompProfile") == {"type": "RuntimeDefault"}):
            yield f"{container['name']}: {has}"


def images_are_this_version(objects):
    version = re.search(r"project\(leadline VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    for _, container, _ in our_containers(objects):
        if container["image"].split(":")[1] != version:
            yield f"{container['image']}: this is {version}"


def sidecars_spare_their_pod(objects):
    """They are native, gate neither start nor readiness, and leave the pod's class Guaranteed."""
    for pod, container, daemon in our_containers(objects):
        if daemon != "sidecar":
            continue
        if container.get("restartPolicy") != "Always" or container not in pod.get("initContainers", []):
            yield "not a native sidecar"
        if "readinessProbe" in container or "startupProbe" in container:
            yield "gates its pod"
        if container["resources"]["requests"] != container["resources"]["limits"]:
            yield "requests differ from limits"


RULES = [least_privilege, roles_are_bound_to_our_account_or_the_hpa, api_services_lead_to_the_adapter,
         the_adapter_may_write_exactly_our_api_services, selectors_and_ports_meet, ports_are_the_binaries_own,
         the_door_for_keda_is_mutual_tls, variables_are_known, the_adapter_has_time_to_drain, daemons_are_restricted,
         images_are_this_version, sidecars_spare_their_pod]


class ManifestsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.everything = build(ROOT / "tests/manifests/everything")

    def test_every_kustomization_builds(self):
        found = [page.parent for page in MANIFESTS.rglob("kustomization.yaml")
                 if "kind: Kustomization" in page.read_text()]
        self.assertTrue(found)
        for folder in found:
            self.assertTrue(build(folder), folder)

    def test_base_and_components_keep_every_rule(self):
        for rule in RULES:
            self.assertEqual(list(rule(self.everything)), [], rule.__name__)

    def test_base_alone_keeps_every_rule_and_leaves_external_metrics_to_others(self):
        base = build(MANIFESTS / "base")
        for rule in RULES:
            self.assertEqual(list(rule(base)), [], rule.__name__)
        self.assertNotIn("v1beta1.external.metrics.k8s.io", json.dumps(base))
        self.assertFalse(serves_keda(base))

    def test_base_with_the_door_for_keda_keeps_every_rule_and_leaves_external_metrics_to_keda(self):
        with_keda = build(ROOT / "tests/manifests/with_keda")
        for rule in RULES:
            self.assertEqual(list(rule(with_keda)), [], rule.__name__)
        self.assertNotIn("v1beta1.external.metrics.k8s.io", json.dumps(with_keda))
        self.assertTrue(serves_keda(with_keda))

    def test_only_what_is_labelled_gets_a_sidecar_beside_its_own_init_containers(self):
        def workload(kind, name, labels):
            pod = {"initContainers": [{"name": "download", "image": "download:1"}],
                   "containers": [{"name": "engine", "image": "engine:1"}]}
            return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "labels": labels},
                    "spec": {"template": {"spec": pod}}}

        injected = {"leadline.dev/inject": "true"}
        workloads = [workload("Deployment", "a", injected), workload("StatefulSet", "b", injected),
                     workload("Deployment", "c", {"leadline.dev/inject": "false"}), workload("Deployment", "d", {})]
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary).resolve()
            (folder / "workloads.yaml").write_text("\n---\n".join(map(json.dumps, workloads)))
            (folder / "kustomization.yaml").write_text(json.dumps({
                "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                "resources": ["workloads.yaml"],
                "components": [os.path.relpath(MANIFESTS / "components" / "sidecar", folder)]}))
            built = build(folder)
        begins = {one["metadata"]["name"]: [container["name"] for container in
                                            one["spec"]["template"]["spec"]["initContainers"]] for one in built}
        self.assertEqual(begins, {"a": ["leadline-sidecar", "download"], "b": ["leadline-sidecar", "download"],
                                  "c": ["download"], "d": ["download"]})

    def test_example_hpas_scale_the_example_deployment_and_one_replaces_another(self):
        pages = sorted((MANIFESTS / "examples").glob("hpa-*.yaml"))
        self.assertEqual(len(pages), 5)
        for page in pages:
            (hpa,) = objects_in(page.read_text())
            self.assertEqual((hpa["metadata"]["namespace"], hpa["metadata"]["name"]), ("demo", "llm"), page)
            self.assertEqual(hpa["spec"]["scaleTargetRef"]["name"], "llm", page)
            self.assertIn("stabilizationWindowSeconds", hpa["spec"]["behavior"]["scaleDown"], page)
        example = named(self.everything, "Deployment", "llm")
        self.assertEqual(example["metadata"]["namespace"], "demo")

    def test_the_example_without_grpc_leads_to_the_adapter_with_a_token_that_may_read(self):
        example = objects_in((MANIFESTS / "examples" / "keda" / "metrics-api.yaml").read_text())
        self.assertEqual({one["metadata"]["namespace"] for one in example}, {"demo"})
        (trigger,) = named(example, "ScaledObject", "llm")["spec"]["triggers"]
        service = named(self.everything, "Service", "leadline-adapter")
        self.assertIn(443, [port["port"] for port in service["spec"]["ports"]])
        self.assertTrue(trigger["metadata"]["url"].startswith("https://leadline-adapter.leadline.svc/keda/v1/demo/llm/"))
        shows = named(example, "TriggerAuthentication", trigger["authenticationRef"]["name"])
        (token,) = shows["spec"]["secretTargetRef"]
        secret = named(example, "Secret", token["name"])
        account = secret["metadata"]["annotations"]["kubernetes.io/service-account.name"]
        self.assertEqual((token["parameter"], token["key"]), ("token", "token"))
        self.assertTrue(named(example, "ServiceAccount", account))
        (binding,) = of_kind(example, "RoleBinding")
        self.assertEqual(binding["subjects"], [{"kind": "ServiceAccount", "name": account, "namespace": "demo"}])
        role = named(self.everything, "ClusterRole", binding["roleRef"]["name"])
        self.assertIn({"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"], "verbs": ["list"]}, role["rules"])

    def test_the_adapter_takes_the_configuration_of_the_redis_example(self):
        page = MANIFESTS / "examples" / "redis-queue" / "config.yaml"
        run(str(BINARIES / "leadline-adapter"), "--check-config", "--config", str(page),
            env=os.environ | {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})

    def test_images_hold_the_libraries_that_the_daemons_load(self):
        for daemon in ("adapter", "sidecar"):
            page = (MANIFESTS / "images" / f"Containerfile.{daemon}").read_text()
            installed = re.search(r"--no-install-recommends(.*?)&&", page, re.DOTALL)[1]
            self.assertEqual(set(installed.replace("\\", "").split()), packages_of(daemon), daemon)
            self.assertIn("\nUSER 65532:65532\n", page)


def break_rule(objects, name):
    """The smallest change that `name` must notice."""
    adapter = named(objects, "Deployment", "leadline-adapter")["spec"]["template"]["spec"]
    sidecar = next((container for _, container, daemon in our_containers(objects) if daemon == "sidecar"), None)
    {
        "least_privilege": lambda: named(objects, "Role", "leadline-adapter")["rules"][0].pop("resourceNames"),
        "roles_are_bound_to_our_account_or_the_hpa": lambda: of_kind(
            objects, "ClusterRoleBinding")[0]["subjects"][0].update(name="default"),
        "api_services_lead_to_the_adapter": lambda: of_kind(
            objects, "APIService")[0]["spec"]["service"].update(port=6443),
        "the_adapter_may_write_exactly_our_api_services": lambda: objects.remove(of_kind(objects, "APIService")[0]),
        "selectors_and_ports_meet": lambda: named(
            objects, "Service", "leadline-adapter")["spec"]["selector"].update({"app": "other"}),
        "the_door_for_keda_is_mutual_tls": lambda: adapter["containers"][0]["env"].append(
            {"name": "LEADLINE_KEDA_INSECURE", "value": "true"}),
        "ports_are_the_binaries_own": lambda: sidecar["ports"][0].update(name="metrics"),
        "variables_are_known": lambda: sidecar["env"][0].update(name="LEADLINE_NAMESPACE"),
        "the_adapter_has_time_to_drain": lambda: adapter.update(terminationGracePeriodSeconds=20),
        "daemons_are_restricted": lambda: sidecar["securityContext"].pop("seccompProfile"),
        "images_are_this_version": lambda: sidecar.update(image="leadline/sidecar:latest"),
        "sidecars_spare_their_pod": lambda: sidecar.update(readinessProbe={}),
    }[name]()


class RulesTest(unittest.TestCase):
    def test_every_rule_notices_what_breaks_it(self):
        everything = build(ROOT / "tests/manifests/everything")
        with_keda = build(ROOT / "tests/manifests/with_keda")
        for rule in RULES:
            broken = copy.deepcopy(with_keda if rule is the_door_for_keda_is_mutual_tls else everything)
            break_rule(broken, rule.__name__)
            self.assertEqual(len(list(rule(broken))), 1, rule.__name__)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
