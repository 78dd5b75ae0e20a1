/**
 * Runs a whole store against a simulated disk, by a random number generator: any number of accounts push, copy, delete
 * and restore small disks of few different chunks, while collections go on and the disk fails, fills up and forgets.
 *
 * <p>Start at {@link cairn.server.sim.Simulation}. Always true: one seed is one run. What a run does is drawn from one
 * generator, and of several things that go on at once one goes on at a time; see {@link cairn.server.sim.Turns}.
 */
package cairn.server.sim;
