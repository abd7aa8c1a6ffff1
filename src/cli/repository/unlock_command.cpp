#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"

namespace muster::cli {

int run_unlock(Session& session, bool is_everyone_meant) {
    const auto repository = session.open();
    if (!repository) {
        return session.fail(repository.error());
    }
    const auto removed = backup::remove_locks(**repository, is_everyone_meant);
    if (!removed) {
        return session.fail(removed.error());
    }
    auto& streams = session.streams();
    if (streams.is_json) {
        streams.out << JsonLine().number("removed_locks", *removed).str() << "\n";
    } else if (*removed > 0 && !session.options().is_quiet) {
        streams.out << "removed " << *removed << (*removed == 1 ? " lock\n" : " locks\n");
    }
    return kExitDone;
}

}  // namespace muster::cli
