export const howToStartPulsar = 'eval "$(e2e/backends/up.sh pulsar)"';
