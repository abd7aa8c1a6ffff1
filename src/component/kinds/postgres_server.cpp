#include "component/kinds/postgres_server.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <utility>

#include "component/parameters.h"

namespace muster::component {
namespace {

std::vector<plan::Field> server_fields(bool needs_conninfo) {
    using plan::Type;
    return {{"conninfo", Type::text("libpq connection string, without a password (use a passfile)"),
             needs_conninfo, ""},
            {"name", Type::text("its name among the servers: slot and application_name"), false,
             "the site's name"},
            {"data", Type::text("data directory on its host"), false, ""},
            {"bin", Type::text("directory of pg_ctl on its host"), false, "found by pg_config"},
            {"ssh", Type::text("user@host to reach the server's host"), false, "this host"},
            {"run_as", Type::text("the server's user, when muster is root"), false, ""},
            {"replication_conninfo", Type::text("how a standby reaches it"), false, "conninfo"},
            {"fence", Type::list(Type::text("word"), "own fence command: power off, isolate"),
             false, "stop the server"},
            {"upstream", Type::text("the server's name that it streams from (a cascade)"), false,
             "the primary"}};
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
    server.upstream = node.text("upstream");
    server.downstream = node.texts("downstream");
    return server;
}

std::vector<postgres::Server> declared_at(const plan::Component& component, const SiteId& site) {
    std::vector<postgres::Server> servers;
    const plan::Node* node = component.at(site);
    if (node == nullptr) {
        return servers;
    }
    servers.push_back(read(*node));
    if (const auto* more = node->find("more")) {
        std::ranges::transform(more->items, std::back_inserter(servers), read);
    }
    for (auto& server : servers) {
        server.site = site;
        server.is_sync_managed = component.settings.text("sync") == "managed";
    }
    return servers;
}

Result<> check_server(const postgres::Server& server, const std::string& where) {
    if (server.conninfo.empty()) {
        return Error(Errc::kInvalid, where + " has no `conninfo`",
                     "write how libpq reaches it: conninfo: \"host=10.0.1.5 dbname=orders\"");
    }
    if (has_password(server.conninfo) || has_password(server.replication_conninfo)) {
        return Error(Errc::kInvalid, where + " has a password in its conninfo",
                     "steps are journalled and printed: use passfile=… or ~/.pgpass instead");
    }
    return {};
}

Result<> check_names(const plan::Component& component) {
    std::set<std::string> names;
    for (const auto& server : all_servers(component)) {
        const std::string where = component.id.str() + " at " + server.site.str();
        const bool is_one_of_many = component.at(server.site)->find("more") != nullptr;
        if (is_one_of_many && server.name.empty()) {
            return Error(Errc::kInvalid, where + ": one of its servers has no `name`",
                         "name each of several, as in {name: west-1, conninfo: …}");
        }
        if (!names.insert(server.standby_name()).second) {
            return Error(Errc::kInvalid, where + ": two servers are named " + known_as(server),
                         "their slots need names that differ in letters or digits");
        }
    }
    return {};
}

Result<> check_conninfos(const plan::Component& component) {
    std::map<std::string, postgres::Server> known;
    for (const auto& server : all_servers(component)) {
        const auto [other, is_new] = known.try_emplace(server.conninfo, server);
        if (!is_new) {
            return Error(Errc::kInvalid,
                         component.id.str() + ": " + name_of(other->second) + " and " +
                             name_of(server) + " have the same conninfo",
                         "each is a server of its own: say how libpq reaches it");
        }
    }
    return {};
}

Result<> check_upstreams(const plan::Component& component) {
    const auto all = all_servers(component);
    for (const auto& server : all) {
        const auto is_upstream = [&server](const auto& other) {
            return known_as(other) == server.upstream && other.upstream.empty();
        };
        if (!server.upstream.empty() && std::ranges::none_of(all, is_upstream)) {
            return Error(Errc::kInvalid,
                         component.id.str() + ": the upstream " + server.upstream + " of " +
                             known_as(server) + " is no server that streams from the primary",
                         "name one of the component's servers that has no upstream itself");
        }
    }
    return {};
}

}  // namespace

std::vector<postgres::Server> servers_at(const plan::Component& component, const SiteId& site) {
    auto servers = declared_at(component, site);
    const auto all = all_servers(component);
    for (auto& server : servers) {
        for (const auto& other : all) {
            if (!other.upstream.empty() && other.upstream == known_as(server)) {
                server.downstream.push_back(other.standby_name());
            }
        }
    }
    return servers;
}

std::vector<postgres::Server> all_servers(const plan::Component& component) {
    std::vector<postgres::Server> all;
    for (const auto& at : component.sites) {
        auto some = declared_at(component, at.site);
        std::ranges::move(some, std::back_inserter(all));
    }
    return all;
}

Result<> check_servers(const plan::Component& component) {
    for (const auto& server : all_servers(component)) {
        TRY_OK(check_server(server, component.id.str() + " at " + server.site.str()));
    }
    TRY_OK(check_names(component));
    TRY_OK(check_conninfos(component));
    return check_upstreams(component);
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
        .texts("fence", server.fence_command)
        .text("upstream", server.upstream)
        .texts("downstream", server.downstream);
    if (server.is_sync_managed) {
        parameters.text("sync", "managed");
    }
    return std::move(parameters).build();
}

plan::Node to_node(const ServerGroup& group) {
    if (group.servers.size() == 1) {
        return to_node(group.servers.front());
    }
    plan::Node list;
    list.kind = plan::Node::Kind::kList;
    for (const auto& server : group.servers) {
        list.items.push_back(to_node(server));
    }
    return std::move(Parameters()
                         .text("site", group.servers.front().site.str())
                         .text("chosen", group.chosen)
                         .node("servers", std::move(list)))
        .build();
}

ServerGroup group_from(const plan::Node& node) {
    ServerGroup group;
    group.chosen = node.text("chosen");
    if (const auto* list = node.find("servers")) {
        std::ranges::transform(list->items, std::back_inserter(group.servers), server_from);
    } else {
        group.servers.push_back(server_from(node));
    }
    return group;
}

postgres::Server server_from(const plan::Node& node) {
    postgres::Server server = read(node);
    server.site = SiteId(node.text("site"));
    server.is_sync_managed = node.text("sync") == "managed";
    return server;
}

plan::Type server_type(std::string doc) {
    using plan::Type;
    auto fields = server_fields(false);
    fields.insert(fields.begin(), {"site", Type::text("the site it is at"), true, ""});
    fields.push_back(
        {"downstream", Type::list(Type::text("slot"), "slots that it must keep"), false, "none"});
    fields.push_back({"sync",
                      Type::one_of({"managed"}, "muster owns synchronous_standby_names there"),
                      false, ""});
    auto alone = Type::object(fields, "one server");
    fields.push_back(
        {"servers", Type::list(std::move(alone), "several, of which one is meant"), false, "none"});
    fields.push_back({"chosen", Type::text("the name of the one that is meant"), false,
                      "the one that takes writes"});
    return Type::object(std::move(fields), std::move(doc));
}

plan::Type postgres_site_type() {
    using plan::Type;
    auto fields = server_fields(true);
    auto one = Type::object(fields, "a further server at this site");
    fields.push_back({"more", Type::list(std::move(one), "further servers; then each has a name"),
                      false, "none"});
    return Type::object(std::move(fields), "the PostgreSQL server of this site, or its first");
}

const std::string& known_as(const postgres::Server& server) {
    return server.name.empty() ? server.site.str() : server.name;
}

std::string keep_directory(const postgres::Server& server, const std::string& declared) {
    return declared.empty() ? server.data + "-divergence" : declared;
}

std::string name_of(const postgres::Server& server) {
    return "the server " + (server.name.empty() ? std::string() : server.name + " ") + "at " +
           server.site.str() + (server.data.empty() ? std::string() : " (" + server.data + ")");
}

bool has_password(const std::string& conninfo) {
    static const std::regex kKeyword(R"((^|[\s?&])(ssl)?password\s*=)", std::regex::icase);
    static const std::regex kUri(R"(^postgres(ql)?://[^/@:]*:[^/@]+@)");
    return std::regex_search(conninfo, kKeyword) || std::regex_search(conninfo, kUri);
}

}  // namespace muster::component
