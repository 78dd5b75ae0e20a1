/**
 * Instances: what was launched from images, the volumes made for it, and what runs it.
 *
 * <p>Start at {@link cairn.server.instance.Instances}. {@link cairn.server.instance.Launcher} is what may run
 * machines: {@code RecordsLauncher} leaves that to the operator, {@code QemuLauncher} does it on this host.
 *
 * <p>Always true: a state is written down before what follows from it is done, so that a server that ends in between
 * goes on there; which volumes an instance has stands in the volumes' records alone.
 */
package cairn.server.instance;
