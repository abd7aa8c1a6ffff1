// Which tables a stretch of WAL touches. The WAL knows file numbers; their names are asked of the
// new primary, which has the same files unless a table was made or rewritten since. This is for
// people: what can't be told is said as a number, and never stops a recovery.

#include <algorithm>
#include <map>

#include "adapters/postgres/parting.h"
#include "adapters/postgres/pg_server_control.h"
#include "postgres/lines.h"

namespace muster::adapters {

using postgres::Server;
using postgres::TableTouched;

namespace {

constexpr std::size_t kMostTables = 20;
constexpr std::size_t kMostDatabases = 8;
constexpr Duration kPatience = std::chrono::seconds(60);

constexpr const char* kDatabases = R"sql(
SELECT oid, datname, datname = current_database() AS here FROM pg_database WHERE datallowconn
)sql";

// A TOAST table counts as the one whose values it keeps.
constexpr const char* kNames = R"sql(
SELECT n.node, quote_ident(s.nspname) || '.' || quote_ident(coalesce(o.relname, c.relname)) AS name
  FROM unnest($1::oid[]) AS n(node)
  JOIN pg_class c ON pg_relation_filenode(c.oid) = n.node
  LEFT JOIN pg_class o ON o.reltoastrelid = c.oid
  JOIN pg_namespace s ON s.oid = coalesce(o.relnamespace, c.relnamespace)
)sql";

struct Relation {
    std::string path;  // "1663/16384/16399"
    std::string database;
    std::string node;
    std::uint64_t changes = 0;
};

std::vector<Relation> relations_in(const std::string& told) {
    std::vector<Relation> relations;
    for (const auto line : postgres::lines_of(told)) {
        const auto space = line.find(' ');
        const auto changes = postgres::number_in<std::uint64_t>(line.substr(0, space));
        const auto first = line.find('/');
        const auto second = line.rfind('/');
        if (!changes || first == std::string_view::npos || first == second) {
            continue;
        }
        relations.push_back({std::string(line.substr(space + 1)),
                             std::string(line.substr(first + 1, second - first - 1)),
                             std::string(line.substr(second + 1)), *changes});
    }
    return relations;
}

std::string nodes_of(const std::vector<Relation>& relations, const std::string& database) {
    std::string nodes;
    for (const auto& relation : relations) {
        if (relation.database == database) {
            nodes += (nodes.empty() ? "{" : ",") + relation.node;
        }
    }
    return nodes.empty() ? nodes : nodes + "}";
}

// A later keyword wins over an earlier one; a URI can't be extended like that.
std::string in_database(const std::string& conninfo, const std::string& name) {
    std::string quoted;
    for (const char c : name) {
        quoted += (c == '\'' || c == '\\') ? std::string("\\") + c : std::string(1, c);
    }
    return conninfo + " dbname='" + quoted + "'";
}

// Tables with a name come together with their TOAST; the most changed first.
std::vector<TableTouched> named(const std::vector<Relation>& relations,
                                const std::map<std::string, std::string>& names) {
    std::vector<TableTouched> tables;
    for (const auto& relation : relations) {
        const auto found = names.find(relation.database + "/" + relation.node);
        const auto name = found == names.end() ? "relation " + relation.path : found->second;
        const auto known = std::ranges::find(tables, name, &TableTouched::name);
        if (known == tables.end()) {
            tables.push_back({name, relation.changes});
        } else {
            known->changes += relation.changes;
        }
    }
    std::ranges::sort(tables, std::ranges::greater{}, &TableTouched::changes);
    if (tables.size() > kMostTables) {
        std::uint64_t rest = 0;
        for (auto at = tables.begin() + kMostTables; at != tables.end(); ++at) {
            rest += at->changes;
        }
        const auto more = tables.size() - kMostTables;
        tables.resize(kMostTables);
        tables.push_back({std::to_string(more) + " more", rest});
    }
    return tables;
}

}  // namespace

Task<PgResult> PgServerControl::names_in(Server server, std::string nodes, Instant deadline) {
    CO_TRY(auto connection, co_await open(server, deadline));
    co_return co_await connection.query(kNames, {nodes}, deadline);
}

Task<std::vector<TableTouched>> PgServerControl::tables_in(Server old_primary, Server new_primary,
                                                           Parting parting, Instant deadline) {
    deadline = std::min(deadline, clock_.now() + kPatience);
    std::vector<TableTouched> tables;
    const Host::Input input{{std::to_string(parting.timeline), postgres::to_string(parting.from),
                             postgres::to_string(parting.to)},
                            {}};
    const auto told = co_await host_.run(old_primary, host_scripts::relations(), input, deadline);
    if (!told) {
        co_return tables;
    }
    const auto relations = relations_in(told->output);
    std::map<std::string, std::string> names;  // By database and file number.
    auto connection = co_await open(new_primary, deadline);
    Result<PgResult> databases = PgResult{};
    if (connection) {
        databases = co_await connection->query(kDatabases, {}, deadline);
    }
    std::size_t asked = 0;
    for (const auto& row : databases ? databases->rows : decltype(databases->rows)()) {
        const auto nodes = nodes_of(relations, *row.at(0));
        const bool is_here = *row.at(2) == "t";
        if (nodes.empty() || ++asked > kMostDatabases) {
            continue;
        }
        auto there = new_primary;
        if (!is_here) {
            there.conninfo = in_database(there.conninfo, *row.at(1));
        }
        const auto found = co_await names_in(there, nodes, deadline);
        for (const auto& name : found ? found->rows : decltype(found->rows)()) {
            names[*row.at(0) + "/" + *name.at(0)] =
                (is_here ? std::string() : *row.at(1) + ".") + *name.at(1);
        }
    }
    co_return named(relations, names);
}

}  // namespace muster::adapters
