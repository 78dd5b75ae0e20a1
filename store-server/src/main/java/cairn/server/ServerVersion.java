package cairn.server;

import picocli.CommandLine.IVersionProvider;

/** What the jar says of itself. */
final class ServerVersion implements IVersionProvider {
    @Override
    public String[] getVersion() {
        return new String[] {"cairn " + StoreServer.version()};
    }
}
