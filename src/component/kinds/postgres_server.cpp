#include "component/kinds/postgres_server.h"

#include <regex>
#include <utility>

#include "component/parameters.h"

namespace muster::component {
namespace {

std::vector<plan::Field> server_fields() {
    using plan::Type;
    return {{"conninfo", Type::text("libpq connection string, without a password (use a passfile)"),
             true, ""},
            {"name", Type::text("its name among the servers: slot and application_name"), false,
             "the site's name"},
            {"data", Type::text("data directory on its host"), false, ""},
            {"bin", Type::text("directory of pg_ctl on its host"), false, "found by pg_config"},
            {"ssh", Type::text("user@host to reach the server's host"), false, "this host"},
            {"run_as", Type::text("the server's user, when muster is root"), false, ""},
            {"replication_conninfo", Type::text("how a standby reaches it"), false, "conninfo"},
            {"fence", Type::list(Type::text("word"), "own fence command: power off, isolate"),
             false, "stop the server"}};
}

postgres::Server read(const plan::Node& node) {
    postgres::Server server;
    server.name = node.text("name");
    server.conninfo = node.text("conninfo");
    server.data = node.text("data");
    server.bin = node.text("bin");
    server.ssh = node.text("ssh");
    server.run_as = node.text("run_as");
    server.replication_conninfo = node.text("replication_conninfo");
    server.fence_command = node.texts("fence");
    return server;
}

}  // namespace

std::optional<postgres::Server> server_at(const plan::Component& component, const SiteId& site) {
    const plan::Node* node = component.at(site);
    if (node == nullptr) {
        return std::nullopt;
    }
    postgres::Server server = read(*node);
    server.site = site;
    return server;
}

plan::Node to_node(const postgres::Server& server) {
    Parameters parameters;
    parameters.text("site", server.site.str())
        .text("name", server.name)
        .text("conninfo", server.conninfo)
        .text("data", server.data)
        .text("bin", server.bin)
        .text("ssh", server.ssh)
        .text("run_as", server.run_as)
        .text("replication_conninfo", server.replication_conninfo)
        .texts("fence", server.fence_command);
    return std::move(parameters).build();
}

postgres::Server server_from(const plan::Node& node) {
    postgres::Server server = read(node);
    server.site = SiteId(node.text("site"));
    return server;
}

plan::Type server_type(std::string doc) {
    auto fields = server_fields();
    fields.insert(fields.begin(), {"site", plan::Type::text("the site it is at"), true, ""});
    return plan::Type::object(std::move(fields), std::move(doc));
}

plan::Type postgres_site_type() {
    return plan::Type::object(server_fields(), "one PostgreSQL server of the streaming pair");
}

std::string name_of(const postgres::Server& server) {
    return "the server at " + server.site.str() +
           (server.data.empty() ? std::string() : " (" + server.data + ")");
}

bool has_password(const std::string& conninfo) {
    static const std::regex kKeyword(R"((^|[\s?&])(ssl)?password\s*=)", std::regex::icase);
    static const std::regex kUri(R"(^postgres(ql)?://[^/@:]*:[^/@]+@)");
    return std::regex_search(conninfo, kKeyword) || std::regex_search(conninfo, kUri);
}

}  // namespace muster::component
