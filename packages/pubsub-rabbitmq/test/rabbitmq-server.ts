export const howToStartRabbitMq = 'eval "$(e2e/backends/up.sh rabbitmq)"';
