#pragma once

// A real S3 server: Ceph's gateway over one monitor and one store in memory, on ports of the
// loopback interface, with TLS and without. It checks signatures and object locks.

#include <memory>
#include <string>

#include "adapters/blob/blob_test_support.h"

namespace muster::test {

class RgwCluster {
  public:
    static constexpr const char* kAccessKey = "MUSTERTEST";
    static constexpr const char* kSecretKey = "secret/+key";

    RgwCluster() {
        for (const auto* name : {"mon", "osd", "run", "rgw"}) {
            std::filesystem::create_directory(folder_.file(name));
        }
        make_certificate();
        folder_.write("ceph.conf", configuration());
        const auto conf = " -c " + folder_.file("ceph.conf");
        const auto map = folder_.file("monmap");
        const auto at = "127.0.0.1:" + std::to_string(monitor_port_);
        run("monmaptool --create --fsid " + std::string(kCluster) + " --addv a '[v1:" + at + "]' " +
            map);
        run("ceph-mon --mkfs -i a --monmap " + map + conf);
        start(monitor_, {"ceph-mon", "-f", "-i", "a"});
        run("ceph-osd -i 0 --mkfs --osd-uuid 5a1c6f0e-2222-4222-8333-444455556666" + conf);
        run("timeout 30 ceph osd new $(cat " + folder_.file("osd/fsid") + ")" + conf);
        start(storage_, {"ceph-osd", "-f", "-i", "0"});
        start(gateway_, {"radosgw", "-f", "-n", "client.rgw.a"});
        is_up_ = is_up_ && wait_for_listener(gateway_port_, [this] { return revive(); });
        run("timeout 60 radosgw-admin -n client.rgw.a user create --uid=t --display-name=t "
            "--access-key=" +
            std::string(kAccessKey) + " --secret-key=" + kSecretKey + conf);
        if (!is_up_) {
            ADD_FAILURE() << "Ceph did not start: " << text_of_file(log());
        }
    }
    [[nodiscard]] bool is_up() const { return is_up_; }
    [[nodiscard]] std::string port() const { return std::to_string(gateway_port_); }
    [[nodiscard]] std::string tls_port() const { return std::to_string(tls_port_); }
    /// The certificate of the authority that vouches for it at the TLS port.
    [[nodiscard]] std::string authority() const { return folder_.file("ca.pem"); }
    [[nodiscard]] std::string log() const { return folder_.file("log"); }
    /// One for the whole program.
    static const RgwCluster& common() {
        static const RgwCluster cluster;
        return cluster;
    }

  private:
    static constexpr const char* kCluster = "6e1a7c0e-1111-4222-8333-444455556666";

    void run(const std::string& line) { is_up_ = is_up_ && run_program(line, log()) == 0; }
    void start(std::unique_ptr<Program>& program, std::vector<std::string> argv) {
        argv.insert(argv.end(), {"-c", folder_.file("ceph.conf")});
        program = std::make_unique<Program>(std::move(argv), log());
    }
    // A store that asks the monitor before it knows the cluster is told "wrong fsid" and ends; its
    // next start goes well.
    bool revive() {
        if (!storage_->is_running() && starts_left_ > 0) {
            starts_left_ -= 1;
            start(storage_, {"ceph-osd", "-f", "-i", "0"});
        }
        return gateway_->is_running();
    }
    void make_certificate() {
        const auto request =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
            "-days 2 -subj /CN=test -keyout " +
            folder_.file("");
        run(request + "ca.key -out " + authority());
        run(request + "key.pem -addext subjectAltName=IP:127.0.0.1 -CA " + authority() +
            " -CAkey " + folder_.file("ca.key") + " -out " + folder_.file("cert.pem"));
    }
    [[nodiscard]] std::string configuration() const {
        std::string text = "[global]\nfsid = " + std::string(kCluster) +
                           "\nmon host = v1:127.0.0.1:" + std::to_string(monitor_port_) + "\n";
        for (const auto* line :
             {"public addr = 127.0.0.1", "cluster addr = 127.0.0.1", "auth cluster required = none",
              "auth service required = none", "auth client required = none",
              "osd pool default size = 1", "osd pool default min size = 1",
              "osd pool default pg num = 8", "osd crush chooseleaf type = 0",
              "osd objectstore = memstore", "log file = /dev/null"}) {
            text += std::string(line) + "\n";
        }
        for (const auto* name : {"mon", "osd"}) {
            text += std::string(name) + " data = " + folder_.file(name) + "\n";
        }
        text +=
            "run dir = " + folder_.file("run") + "\nadmin socket = " + folder_.file("run") +
            "/$name.asok\n[client.rgw.a]\nrgw frontends = beast endpoint=127.0.0.1:" +
            std::to_string(gateway_port_) + " ssl_endpoint=127.0.0.1:" + std::to_string(tls_port_) +
            " ssl_certificate=" + folder_.file("cert.pem") +
            " ssl_private_key=" + folder_.file("key.pem") + "\nrgw data = " + folder_.file("rgw") +
            "\nrgw run sync thread = false\nrgw dns name = localhost\n";
        return text;
    }

    Folder folder_;
    int monitor_port_ = free_local_port();
    int gateway_port_ = free_local_port();
    int tls_port_ = free_local_port();
    bool is_up_ = true;
    int starts_left_ = 3;
    std::unique_ptr<Program> monitor_;
    std::unique_ptr<Program> storage_;
    std::unique_ptr<Program> gateway_;
};

}  // namespace muster::test
